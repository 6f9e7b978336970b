// The pack and its audit in ten steps, as docs/reference/thread-format.md numbers them.
package main

import (
	"maps"
	"slices"
	"strings"
)

type envelope struct {
	header, signature string
	payloads          map[string]any
}

type pack struct {
	thread, machine, state string
	members                map[string]string
	heads                  []string
	keys, events           []envelope
	forks                  [][2]envelope
	pruned                 bool
}

type verdict struct {
	step             int // the first step that found a fault; 0: none
	why              string
	thread           string
	events, withheld int
	forks, gone      int
	void             map[string]string
}

// read is step 1.
func read(data string) *pack {
	lines := strings.Split(data, "\n")
	must(len(lines) > 1 && lines[len(lines)-1] == "", "last line")
	names := []string{"format", "thread", "machine", "members", "heads", "keys", "events", "forks", "state"}
	pruned, given := object(decode(lines[0]))["pruned"]
	if given {
		names = append(names, "pruned")
	}
	m := fields(decode(lines[0]), names...)
	must(text(m["format"]) == "weft-thread/1" && (!given || pruned == true), "format")
	p := &pack{pruned: given, thread: text(m["thread"]), machine: text(m["machine"]), state: text(m["state"]),
		members: map[string]string{}, heads: texts(m["heads"])}
	for member, role := range object(m["members"]) {
		p.members[member] = text(role)
	}
	for _, line := range lines[1 : len(lines)-1] {
		p.line(object(decode(line)))
	}
	must(number(m["keys"]) == int64(len(p.keys)) && number(m["events"]) == int64(len(p.events)), "counts")
	must(number(m["forks"]) == int64(len(p.forks)), "counts")
	return p
}

func (p *pack) line(o map[string]any) {
	must(len(o) == 1, "kind of line")
	if one, ok := o["key"]; ok {
		must(len(p.events)+len(p.forks) == 0, "order of parts")
		p.keys = append(p.keys, wrapped(one))
	} else if one, ok := o["event"]; ok {
		must(len(p.forks) == 0, "order of parts")
		p.events = append(p.events, wrapped(one))
	} else {
		pair, ok := o["fork"].([]any)
		must(ok && len(pair) == 2, "kind of line")
		p.forks = append(p.forks, [2]envelope{wrapped(pair[0]), wrapped(pair[1])})
	}
}

func wrapped(v any) envelope {
	f := fields(v, "e", "g", "b")
	for _, pair := range object(f["b"]) {
		must(len(texts(pair)) == 2, "payload")
	}
	return envelope{text(f["e"]), text(f["g"]), object(f["b"])}
}

// audit runs the steps until one finds a fault.
func audit(data string) (result verdict) {
	var p *pack
	var keys, events, forks []*event
	var before map[string]bool // of a pruned thread: events of which some that they follow are gone
	logs := map[string]*keyLog{}
	steps := []func(){
		func() { p = read(data) }, // 1
		func() { // 2
			result.thread = p.thread
			keys, events, forks = opened(p.keys), opened(p.events), nil
			for _, pair := range p.forks {
				forks = append(forks, opened(pair[:])...)
			}
		},
		func() { // 3
			result.withheld = taken(p.keys, keys) + taken(p.events, events)
			for k, pair := range p.forks {
				result.withheld += taken(pair[:], forks[2*k:2*k+2])
			}
		},
		func() { readKeys(p, keys, logs) },     // 4
		func() { belong(p, events) },           // 5
		func() { signatures(p, events, logs) }, // 6
		func() { // 7
			if p.pruned {
				before = beforeClosing(events)
			}
			result.gone = chains(events, before)
		},
		func() { parents(events, before) },                                     // 8
		func() { must(slices.Equal(heads(events, before), p.heads), "heads") }, // 9
		func() { // 10
			for k := range p.forks {
				fork(p, forks[2*k], forks[2*k+1], logs)
			}
		},
	}
	defer func() {
		if result.step == 0 {
			result.void = voided(p.thread, p.machine, events, logs)
		}
	}()
	for k, step := range steps {
		if why := try(step); why != "" {
			result.step, result.why = k+1, why
			return
		}
	}
	result.events, result.forks = len(events), len(p.forks)
	return
}

func opened(envelopes []envelope) []*event {
	result := []*event{}
	for _, one := range envelopes {
		e := parse(one.header)
		e.signature = unb64(one.signature, -1)
		result = append(result, e)
	}
	return result
}

func taken(envelopes []envelope, events []*event) (withheld int) {
	for k, one := range envelopes {
		events[k].take(one.payloads)
		withheld += len(events[k].slots) - len(one.payloads)
	}
	return
}

func readKeys(p *pack, keys []*event, logs map[string]*keyLog) {
	for member := range p.members {
		logs[member] = newKeyLog(member)
	}
	for _, e := range keys {
		must(logs[e.thread] != nil, "key log of no member")
		logs[e.thread].take(e)
	}
	for _, log := range logs {
		must(log.head != "", "key log missing")
	}
}

func belong(p *pack, events []*event) {
	must(len(events) > 0, "no genesis")
	for k, e := range events {
		must(e.thread == p.thread && e.machine == p.machine && e.genesis == (k == 0), "another thread")
	}
	must(maps.Equal(events[0].members, p.members), "members")
}

func signatures(p *pack, events []*event, logs map[string]*keyLog) {
	bound := map[string]bool{}
	for k := len(events) - 1; k >= 0; k-- {
		e := events[k]
		must(logs[e.author] != nil, "not a member")
		logs[e.author].maySign(e)
		byHash := len(e.signature) == 0 && len(p.members) == 1 && bound[e.id]
		must(byHash || signed(e.device, e.id, e.signature), "signature")
		bound[e.previous] = true
		for member, keyEvent := range e.seen() {
			must(logs[member] != nil, "key event of no member")
			_, counts := logs[member].events[keyEvent]
			must(counts, "unknown key event")
		}
	}
}

func chains(events []*event, before map[string]bool) (gone int) {
	tips := map[chain]tip{}
	for _, e := range events {
		last, ok := tips[e.chain()]
		if !ok {
			last.n = -1
		}
		gap := e.n - last.n - 1
		must(gap == 0 && e.previous == last.id || gap > 0 && before[e.id], "chain")
		gone += int(gap)
		tips[e.chain()] = tip{e.n, e.id}
	}
	return
}

func parents(events []*event, before map[string]bool) {
	above := map[string]bool{}
	for _, e := range events {
		for _, parent := range e.parents() {
			must(above[parent] || before[e.id], "parent missing")
		}
		above[e.id] = true
	}
}

func heads(events []*event, before map[string]bool) []string {
	open := map[string]bool{}
	for _, e := range events {
		if !before[e.id] {
			open[e.id] = true
		}
	}
	for _, e := range events {
		for _, parent := range e.parents() {
			delete(open, parent)
		}
	}
	return sorted(open)
}

func fork(p *pack, one, two *event, logs map[string]*keyLog) {
	if log := logs[one.thread]; log != nil && one.thread != p.thread {
		branches(log, one, two)
		return
	}
	must(one.thread == p.thread && two.thread == p.thread && one.chain() == two.chain(), "not one chain")
	must(one.n == two.n && one.id != two.id && logs[one.author] != nil, "not one place")
	_, known := logs[one.author].devices[one.device]
	must(known && signed(one.device, one.id, one.signature) && signed(two.device, two.id, two.signature), "signature")
}
