// Another implementation of witnesses: its witness cosigns our log over HTTP, and its client asks our witness.
//
//	witness serve LOG_VKEY        prints its address and its vkey, cosigns that log until its input ends
//	witness ask < requests.json   asks one witness for each request in turn, prints what came back
//
// The implementation is github.com/transparency-dev/witness; here is only what carries JSON to it and back.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"

	cosigner "github.com/transparency-dev/formats/note"
	client "github.com/transparency-dev/witness/client/http"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
)

// Asked is one request: a checkpoint with its consistency proof from Old, to the witness at URL with the key VKey.
type Asked struct {
	URL        string   `json:"url"`
	VKey       string   `json:"vkey"`
	Old        uint64   `json:"old"`
	Proof      [][]byte `json:"proof"`
	Checkpoint string   `json:"checkpoint"`
}

// Answered is what came back: "cosigned" when the cosignature holds, or the name of the refusal.
type Answered struct {
	What string `json:"what"`
	Size uint64 `json:"size"`
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "ask":
		var asked []Asked
		fatal(json.NewDecoder(os.Stdin).Decode(&asked))
		answers := []Answered{}
		for _, one := range asked {
			answers = append(answers, ask(one))
		}
		fatal(json.NewEncoder(os.Stdout).Encode(answers))
	default:
		fatal(errors.New("usage: witness serve LOG_VKEY | ask"))
	}
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func serve(vkey string) {
	secret, public, err := note.GenerateKey(rand.Reader, "witness.example/go")
	fatal(err)
	signer, err := cosigner.NewSignerForCosignatureV1(secret)
	fatal(err)
	known, err := note.NewVerifier(vkey)
	fatal(err)
	own, err := witness.New(context.Background(), witness.Opts{
		Persistence: inmemory.New(),
		Signers:     []note.Signer{signer},
		VerifierForLog: func(_ context.Context, origin string) (note.Verifier, bool, error) {
			return known, origin == known.Name(), nil
		},
	})
	fatal(err)
	cosigned, err := cosigner.VKeyToCosignatureV1(public)
	fatal(err)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /pricelog/witness/add-checkpoint", witness.NewHTTPHandler(own).AddCheckpoint)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(err)
	fatal(json.NewEncoder(os.Stdout).Encode(map[string]string{
		"url": "http://" + listener.Addr().String(), "vkey": cosigned}))
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fatal(http.Serve(listener, mux))
}

func ask(one Asked) Answered {
	at, err := url.Parse(one.URL)
	fatal(err)
	lines, size, err := client.NewWitness(at, http.DefaultClient).Update(
		context.Background(), one.Old, []byte(one.Checkpoint), one.Proof)
	for name, known := range map[string]error{
		"stale": witness.ErrCheckpointStale, "unknown": witness.ErrUnknownLog, "unsigned": witness.ErrNoValidSignature,
		"old": witness.ErrOldSizeInvalid, "proof": witness.ErrInvalidProof, "pushback": witness.ErrPushback,
		"root": witness.ErrRootMismatch,
	} {
		if errors.Is(err, known) {
			return Answered{name, size}
		}
	}
	if err != nil {
		return Answered{err.Error(), size}
	}
	verifier, err := cosigner.NewVerifierForCosignatureV1(one.VKey)
	fatal(err)
	opened, err := note.Open(append([]byte(one.Checkpoint), lines...), note.VerifierList(verifier))
	if err != nil || len(opened.Sigs) != 1 {
		return Answered{fmt.Sprintf("does not hold: %v", err), size}
	}
	return Answered{"cosigned", size}
}
