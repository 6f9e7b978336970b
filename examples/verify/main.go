// Command verify checks Weft packs and the conformance vectors without any of Weft's own code.
//
//	go run . FILE            audits a pack; exit code 1 if it is not sound
//	go run . vectors FOLDER  runs all vectors; exit code 1 if this program sees one of them otherwise
//	go run . cases FILE      the same for one file of packs
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
)

var names = []string{"form", "headers", "commitments", "keys", "genesis", "signatures", "chains", "parents", "heads", "forks"}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "vectors":
		vectors(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "cases":
		packs(os.Args[2])
	case len(os.Args) == 2:
		show(os.Args[1])
		return
	default:
		fmt.Fprintln(os.Stderr, "verify FILE | verify vectors FOLDER | verify cases FILE")
		os.Exit(2)
	}
	fmt.Printf("%d cases, %d seen otherwise\n", ran, otherwise)
	if otherwise > 0 || ran == 0 {
		os.Exit(1)
	}
}

func show(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	result := audit(string(data))
	for k, step := range names {
		if result.step == k+1 {
			fmt.Printf("%2d %-12s %s\nnot sound\n", k+1, step, result.why)
			os.Exit(1)
		}
		fmt.Printf("%2d %-12s ok\n", k+1, step)
	}
	fmt.Printf("sound: thread %s, %d events, %d contents withheld, %d events gone, %d forks\n",
		result.thread, result.events, result.withheld, result.gone, result.forks)
}

var ran, otherwise int

func expect(ok bool, what string) {
	if ran++; !ok {
		otherwise++
		fmt.Println("otherwise:", what)
	}
}

func load(path string, into any) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func vectors(folder string) {
	spelling(filepath.Join(folder, "text.json"))
	digests(filepath.Join(folder, "digests.json"))
	keysAndSignatures(filepath.Join(folder, "signatures.json"))
	headers(filepath.Join(folder, "headers.json"))
	for _, file := range []string{"keylogs.json", "chains.json", "packs.json", "standing.json", "closing.json"} {
		packs(filepath.Join(folder, file))
	}
	folds(filepath.Join(folder, "folds.json"))
}

func spelling(path string) {
	var file struct {
		Base64url []struct {
			Text   string
			Length *int
			Accept bool
		}
		Canonical []struct {
			Hex    string
			Accept bool
		}
	}
	load(path, &file)
	for _, c := range file.Base64url {
		length := -1
		if c.Length != nil {
			length = *c.Length
		}
		expect((try(func() { unb64(c.Text, length) }) == "") == c.Accept, "base64url "+c.Text)
	}
	for _, c := range file.Canonical {
		data, _ := hex.DecodeString(c.Hex)
		expect((try(func() { decode(string(data)) }) == "") == c.Accept, "canonical "+c.Hex[:min(len(c.Hex), 80)])
	}
}

func digests(path string) {
	var file struct {
		Events      []struct{ Header, ID, Thread string }
		Commitments []struct{ Salt, Content, Commitment string }
		Next        []struct {
			Keys       []string
			Commitment string
		}
		States []struct{ State, Hash string }
	}
	load(path, &file)
	for _, c := range file.Events {
		expect(digest("evt/1", []byte(c.Header)) == c.ID && digest("thr/1", []byte(c.Header)) == c.Thread, c.Header)
	}
	for _, c := range file.Commitments {
		expect(digest("pay/1", unb64(c.Salt, 32), []byte(c.Content)) == c.Commitment, "commitment "+c.Content)
	}
	for _, c := range file.Next {
		expect(commitment(c.Keys) == c.Commitment, "next keys")
	}
	for _, c := range file.States {
		expect(digest("state/1", encode(nil, decode(c.State), 0)) == c.Hash, "state "+c.State)
	}
}

func keysAndSignatures(path string) {
	var file struct {
		Keys []struct {
			Key   string
			Sound bool
		}
		Signatures []struct {
			Name, Key, Event, Signature string
			Accept                      bool
		}
	}
	load(path, &file)
	for _, c := range file.Keys {
		expect(sound(c.Key) == c.Sound, "key "+c.Key)
	}
	for _, c := range file.Signatures {
		expect(signed(c.Key, c.Event, unb64(c.Signature, -1)) == c.Accept, "signature "+c.Name)
	}
}

func headers(path string) {
	var file struct {
		Bases []string
		Cases []struct {
			Base, Head, Tail int
			Put              string
			Accept           bool
		}
	}
	load(path, &file)
	for _, c := range file.Cases {
		base := file.Bases[c.Base]
		header := base[:c.Head] + c.Put + base[len(base)-c.Tail:]
		expect((try(func() { parse(header) }) == "") == c.Accept, "header "+header)
	}
}

func packs(path string) {
	var file struct {
		Base  []string
		Cases []struct {
			Name  string
			Step  int
			Lines []json.RawMessage
			Void  map[string]string
		}
	}
	load(path, &file)
	for _, c := range file.Cases {
		data := ""
		for k, line := range c.Lines {
			if k > 0 {
				data += "\n"
			}
			var own string
			if place, err := strconv.Atoi(string(line)); err == nil {
				own = file.Base[place]
			} else if json.Unmarshal(line, &own) != nil {
				panic("a line is a number or a text")
			}
			data += own
		}
		found := audit(data)
		ok := found.step == c.Step && (c.Void == nil || maps.Equal(found.void, c.Void))
		expect(ok, fmt.Sprintf("pack %s: step %d (%s), expected %d", c.Name, found.step, found.why, c.Step))
	}
}

func folds(path string) {
	var file struct {
		table
		Cases []struct {
			Name   string
			Events []*word
			Order  []string
			Void   map[string]string
			Hash   string
		}
	}
	load(path, &file)
	for _, c := range file.Cases {
		order, void, state := []string{}, map[string]string{}, till{}
		for _, w := range linear(c.Events, &file.table) {
			order = append(order, w.ID)
			if why := state.read(w); why != "" {
				void[w.ID] = why
			}
		}
		folded := map[string]any{"closed": state.closed, "note": state.note, "sum": json.Number(strconv.FormatInt(state.sum, 10))}
		hash := digest("state/1", encode(nil, folded, 0))
		expect(fmt.Sprint(order) == fmt.Sprint(c.Order) && maps.Equal(void, c.Void) && hash == c.Hash, "fold "+c.Name)
	}
}
