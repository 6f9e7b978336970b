// Whose words count: scopes and revocations of devices, as docs/reference/thread-format.md says. And forks of key logs.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
)

var jobs = []string{"JobStarted", "JobPaused", "JobResumed", "JobCounted", "JobEnded", "JobAborted"}

// maySay: scope, machine, types. A node may say everything, whoever says anything also what it has read; a till nothing.
var maySay = map[string]map[string][]string{
	"till": {},
	"line": {
		"floor":      append([]string{"MachineAlarmed", "MachineCleared"}, jobs...),
		"production": append([]string{"JobScrapped"}, jobs...),
		"stock":      {"Consumed", "Produced", "Scrapped"},
		"trace":      {"TraceRecorded"},
		"order":      {"ProgressNotice"},
	},
}

// seen is what a word says to have read of members' key logs.
func (e *event) seen() (keys map[string]string) {
	content, shown := e.payloads[0]
	if e.kind != "KeysSeen" || !shown {
		return
	}
	found := map[string]string{}
	if try(func() {
		for member, keyEvent := range object(object(decode(content))["keys"]) {
			found[member] = text(keyEvent)
		}
	}) == "" {
		keys = found
	}
	return
}

// inForce is how far the key log of a member is in force in a thread: a place among its events, -1 for none.
func inForce(member string, events []*event, log *keyLog) int {
	at := -1
	for _, e := range events {
		if place, ok := log.events[e.keyEvent]; ok && e.author == member {
			at = max(at, place)
		}
		if place, ok := log.events[e.seen()[member]]; ok {
			at = max(at, place)
		}
	}
	return at
}

// voided tells which words do not count by their authors' keys, and why.
func voided(thread, machine string, events []*event, logs map[string]*keyLog) map[string]string {
	found := map[string]string{}
	for _, e := range events {
		d := logs[e.author].devices[e.device]
		own := maySay[d.scope]
		read := len(own) > 0 && slices.Contains([]string{"Ack", "KeysSeen"}, e.kind)
		if d.scope != "node" && !read && !slices.Contains(own[strings.Split(machine, "/")[0]], e.kind) {
			found[e.id] = "event.out-of-scope"
			continue
		}
		at := inForce(e.author, events, logs[e.author])
		for _, one := range slices.Backward(d.ends) {
			if one.at <= at {
				if e.n > one.limit(thread, e.device, e.life) {
					found[e.id] = "event.revoked-device"
				}
				break
			}
		}
	}
	return found
}

// limit is the last number of a chain that counts; -1 if none does.
func (o *end) limit(thread, device, life string) int64 {
	found, ok := o.valid[thread+"/"+life]
	if !ok {
		found = -1
	}
	hidden := unb64(digest("valid/1", []byte(thread+"/"+device+"/"+life)), 32)
	name := base64.RawURLEncoding.EncodeToString(hidden[:12])
	for _, place := range o.hidden {
		if rest, ok := strings.CutPrefix(place, name); ok && try(func() { unb64(rest, 4) }) == "" {
			found = max(found, int64(binary.BigEndian.Uint32(unb64(rest, 4))^binary.BigEndian.Uint32(hidden[12:16])))
		}
	}
	return found
}

// branches: two events that both continue the key log from one place prove that its keys are in two hands.
func branches(held *keyLog, one, two *event) {
	must(one.id != two.id && one.thread == two.thread && len(one.parents()) > 0, "no fork")
	must(slices.Equal(sorted(set(one.parents())), sorted(set(two.parents()))), "no fork")
	log, found := newKeyLog(held.organisation), false
	for _, e := range held.line {
		if found = slices.Equal(sorted(set(one.parents())), []string{log.head}); found {
			break
		}
		log.take(e)
	}
	must(found || slices.Equal(sorted(set(one.parents())), []string{log.head}), "no fork")
	for _, half := range []*event{one, two} {
		log.signedBy(half)
	}
}

func set(names []string) map[string]bool {
	found := map[string]bool{}
	for _, name := range names {
		found[name] = true
	}
	return found
}
