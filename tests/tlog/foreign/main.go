// Another implementation of transparency logs looks at ours, and makes what ours looks at.
//
//	foreign check < log.json     says which notes, proofs and tiles it would not accept
//	foreign make < wanted.json   prints notes, proofs and tiles of its own
//
// The implementations are golang.org/x/mod/sumdb (note, tlog) and filippo.io/torchwood; here is only what carries
// JSON to them and back.
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Log is what is handed over, in both directions; byte strings are base64.
type Log struct {
	Notes   []Signed          `json:"notes"`
	Records []Record          `json:"records"`
	Trees   []Tree            `json:"trees"`
	Tiles   map[string][]byte `json:"tiles"`
	Size    int64             `json:"size"`
	Root    []byte            `json:"root"`
	Entries [][]byte          `json:"entries"`
}

// Signed is a note that all of Keys (vkeys) have signed; a Checkpoint says Size and Root.
type Signed struct {
	Note       string   `json:"note"`
	Keys       []string `json:"keys"`
	Checkpoint bool     `json:"checkpoint"`
	Size       int64    `json:"size"`
	Root       []byte   `json:"root"`
}

// Record is a proof that Leaf is number Index of Size under Root.
type Record struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Leaf  []byte   `json:"leaf"`
	Root  []byte   `json:"root"`
	Proof [][]byte `json:"proof"`
}

// Tree is a proof that the tree of New leaves begins with that of Old.
type Tree struct {
	Old     int64    `json:"old"`
	OldRoot []byte   `json:"old_root"`
	New     int64    `json:"new"`
	NewRoot []byte   `json:"new_root"`
	Proof   [][]byte `json:"proof"`
}

// Wanted says what to make: a log of Entries, proofs for Records (index, size) and Trees (old, new).
type Wanted struct {
	Origin  string     `json:"origin"`
	Seed    []byte     `json:"seed"`
	Witness string     `json:"witness"`
	Entries [][]byte   `json:"entries"`
	Records [][2]int64 `json:"records"`
	Trees   [][2]int64 `json:"trees"`
}

func main() {
	if len(os.Args) != 2 {
		fatal(errors.New("usage: foreign check|make"))
	}
	data, err := io.ReadAll(os.Stdin)
	fatal(err)
	var answer any
	switch os.Args[1] {
	case "check":
		var given Log
		fatal(json.Unmarshal(data, &given))
		answer = check(given)
	case "make":
		var wanted Wanted
		fatal(json.Unmarshal(data, &wanted))
		answer = made(wanted)
	default:
		fatal(errors.New("usage: foreign check|make"))
	}
	fatal(json.NewEncoder(os.Stdout).Encode(answer))
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// check names everything that is refused, such as "records/3".
func check(given Log) []string {
	refused := []string{}
	say := func(kind string, place int, err error) {
		if err != nil {
			refused = append(refused, fmt.Sprintf("%s/%d", kind, place))
			fmt.Fprintln(os.Stderr, kind, place, err)
		}
	}
	for k, one := range given.Notes {
		say("notes", k, checkNote(one))
	}
	for k, one := range given.Records {
		say("records", k, tlog.CheckRecord(hashes(one.Proof), one.Size, hash(one.Root), one.Index, hash(one.Leaf)))
	}
	for k, one := range given.Trees {
		say("trees", k, tlog.CheckTree(hashes(one.Proof), one.New, hash(one.NewRoot), one.Old, hash(one.OldRoot)))
	}
	say("tiles", 0, checkTiles(given))
	return refused
}

func checkNote(given Signed) error {
	var verifiers []note.Verifier
	for _, key := range given.Keys {
		one, err := verifier(key)
		if err != nil {
			return err
		}
		verifiers = append(verifiers, one)
	}
	opened, err := note.Open([]byte(given.Note), note.VerifierList(verifiers...))
	if err != nil {
		return err
	}
	if len(opened.Sigs) != len(given.Keys) {
		return fmt.Errorf("%d signatures of %d hold", len(opened.Sigs), len(given.Keys))
	}
	if !given.Checkpoint {
		return nil
	}
	said, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return err
	}
	if said.N != given.Size || said.Hash != hash(given.Root) {
		return errors.New("another checkpoint")
	}
	return nil
}

// known is a key of which only the public half is there: torchwood makes a verifier of a signer.
type known struct{ public ed25519.PublicKey }

func (k known) Public() crypto.PublicKey { return k.public }
func (k known) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no secret")
}

func verifier(vkey string) (note.Verifier, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	_, coded, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(coded)
	if err != nil || len(raw) != 33 || raw[0] != 4 {
		return note.NewVerifier(vkey)
	}
	cosigner, err := torchwood.NewCosignatureSigner(name, known{ed25519.PublicKey(raw[1:])})
	if err != nil {
		return nil, err
	}
	if cosigner.Verifier().String() != vkey {
		return nil, errors.New("another vkey")
	}
	return cosigner.Verifier(), nil
}

// files reads tiles that lie in memory by the paths of C2SP.
type files map[string][]byte

func (f files) ReadTiles(_ context.Context, tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, one := range tiles {
		data, ok := f[torchwood.TilePath(one)]
		if !ok {
			return nil, fmt.Errorf("no tile %s", torchwood.TilePath(one))
		}
		found = append(found, data)
	}
	return found, nil
}

func (f files) ReadEndpoint(context.Context, string) ([]byte, error) { return nil, errors.New("none") }
func (f files) SaveTiles([]tlog.Tile, [][]byte)                      {}

// checkTiles reads all entries through a verifying client, and every full and partial tile's path.
func checkTiles(given Log) error {
	if given.Size == 0 {
		return nil
	}
	for path := range given.Tiles {
		tile, err := torchwood.ParseTilePath(path)
		if err != nil {
			return err
		}
		if torchwood.TilePath(tile) != path {
			return fmt.Errorf("%s is written otherwise", path)
		}
	}
	client, err := torchwood.NewClient(files(given.Tiles))
	if err != nil {
		return err
	}
	tree, count := tlog.Tree{N: given.Size, Hash: hash(given.Root)}, int64(0)
	for range 2 { // it leaves a partial bundle for the second time
		for index, entry := range client.Entries(context.Background(), tree, count) {
			if index != count || !bytes.Equal(entry, given.Entries[index]) {
				return fmt.Errorf("entry %d is another", index)
			}
			count++
		}
		if err := client.Err(); err != nil {
			return err
		}
	}
	if count != given.Size {
		return fmt.Errorf("%d entries of %d", count, given.Size)
	}
	_, _, err = client.Entry(context.Background(), tree, given.Size-1)
	return err
}

// made is a log by Go's hands: signed, cosigned, with its tiles and proofs.
func made(wanted Wanted) Log {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for k, entry := range wanted.Entries {
		more, err := tlog.StoredHashes(int64(k), entry, reader)
		fatal(err)
		stored = append(stored, more...)
	}
	root := func(size int64) []byte {
		found, err := tlog.TreeHash(size, reader)
		fatal(err)
		return found[:]
	}
	size := int64(len(wanted.Entries))
	log := Log{Size: size, Root: root(size), Entries: wanted.Entries, Tiles: tiles(wanted.Entries, reader)}
	log.Notes = []Signed{signed(wanted, size, root(size))}
	for _, one := range wanted.Records {
		proof, err := tlog.ProveRecord(one[1], one[0], reader)
		fatal(err)
		leaf := tlog.RecordHash(wanted.Entries[one[0]])
		log.Records = append(log.Records, Record{one[0], one[1], leaf[:], root(one[1]), octets(proof)})
	}
	for _, one := range wanted.Trees {
		proof, err := tlog.ProveTree(one[1], one[0], reader)
		fatal(err)
		log.Trees = append(log.Trees, Tree{one[0], root(one[0]), one[1], root(one[1]), octets(proof)})
	}
	return log
}

func tiles(entries [][]byte, reader tlog.HashReader) map[string][]byte {
	found := map[string][]byte{}
	for _, one := range tlog.NewTiles(torchwood.TileHeight, 0, int64(len(entries))) {
		data, err := tlog.ReadTileData(one, reader)
		fatal(err)
		found[torchwood.TilePath(one)] = data
		if one.L != 0 {
			continue
		}
		var bundle []byte
		for k := range one.W {
			bundle, err = torchwood.AppendTileEntry(bundle, entries[one.N*256+int64(k)])
			fatal(err)
		}
		one.L = -1
		found[torchwood.TilePath(one)] = bundle
	}
	return found
}

func signed(wanted Wanted, size int64, root []byte) Signed {
	secret := ed25519.NewKeyFromSeed(wanted.Seed)
	vkey, err := note.NewEd25519VerifierKey(wanted.Origin, secret.Public().(ed25519.PublicKey))
	fatal(err)
	parts := strings.SplitN(vkey, "+", 3)
	coded := base64.StdEncoding.EncodeToString(append([]byte{1}, wanted.Seed...))
	signer, err := note.NewSigner("PRIVATE+KEY+" + parts[0] + "+" + parts[1] + "+" + coded)
	fatal(err)
	cosigner, err := torchwood.NewCosignatureSigner(wanted.Witness, secret)
	fatal(err)
	checkpoint := torchwood.Checkpoint{Origin: wanted.Origin, Tree: tlog.Tree{N: size, Hash: hash(root)}}
	text, err := note.Sign(&note.Note{Text: checkpoint.String()}, signer, cosigner)
	fatal(err)
	return Signed{string(text), []string{vkey, cosigner.Verifier().String()}, true, size, root}
}

func hash(data []byte) (found tlog.Hash) {
	if len(data) == len(found) {
		copy(found[:], data)
	}
	return found
}

func hashes(data [][]byte) (found []tlog.Hash) {
	for _, one := range data {
		found = append(found, hash(one))
	}
	return found
}

func octets(proof []tlog.Hash) (found [][]byte) {
	for _, one := range proof {
		found = append(found, one[:])
	}
	return found
}
