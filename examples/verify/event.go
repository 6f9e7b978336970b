// The event, its payloads, and the key log. docs/reference/thread-format.md says the same in words.
package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

type slot struct {
	commitment string
	length     int64
}

type event struct {
	id, thread, author, device, life, previous, keyEvent, kind, machine string
	n                                                                   int64
	genesis                                                             bool
	members                                                             map[string]string
	others                                                              []string
	slots                                                               []slot
	signature                                                           []byte
	payloads                                                            map[int]string
}

type chain struct{ author, device, life string }
type tip struct {
	n  int64
	id string
}

func (e *event) chain() chain { return chain{e.author, e.device, e.life} }
func (e *event) parents() []string {
	if e.previous == "" {
		return e.others
	}
	return append([]string{e.previous}, e.others...)
}

var (
	clockForm   = regexp.MustCompile(`^[0-9a-f]{16}$`)
	typeForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.-]{0,63}$`)
	machineForm = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,55}/[1-9][0-9]{0,5}$`)
	roleForm    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	required    = []string{"v", "t", "a", "d", "i", "n", "p", "x", "ks", "h", "y", "s", "m", "b"}
)

// parse is step 2: the event behind the bytes of a header.
func parse(raw string) *event {
	must(len(raw) <= 8192, "header too large")
	h := object(decode(raw))
	names := slices.Clone(required)
	for _, optional := range []string{"pre", "g", "mem"} {
		if _, ok := h[optional]; ok {
			names = append(names, optional)
		}
	}
	fields(h, names...)
	e := &event{
		id: digest("evt/1", []byte(raw)), thread: nameOrNull(h["t"]), author: nameOrNull(h["a"]),
		device: name(h["d"], 32), life: name(h["i"], 8), previous: nameOrNull(h["p"]), keyEvent: nameOrNull(h["ks"]),
		kind: text(h["y"]), machine: text(h["m"]), n: number(h["n"]), genesis: h["t"] == nil,
		members: map[string]string{}, payloads: map[int]string{},
	}
	schema := number(h["s"])
	must(number(h["v"]) == 1 && schema >= 1 && schema <= 1_000_000, "version")
	must(clockForm.MatchString(text(h["h"])) && typeForm.MatchString(e.kind) && machineForm.MatchString(e.machine), "form")
	must((e.author == "") == (e.keyEvent == "") && (e.author != "" || e.genesis), "author")
	must(e.n >= 0 && (e.n > 0) == (e.previous != ""), "chain")
	for _, other := range list(h["x"]) {
		e.others = append(e.others, name(other, 32))
	}
	must(len(e.others) <= 16 && slices.IsSorted(e.others) && !slices.Contains(e.others, e.previous), "parents")
	must(len(slices.Compact(slices.Clone(e.others))) == len(e.others), "parents")
	if pre, ok := h["pre"]; ok {
		name(pre, 32)
	}
	e.readSlots(list(h["b"]))
	e.readGenesis(h)
	if e.genesis {
		e.thread = digest("thr/1", []byte(raw))
	}
	if e.author == "" {
		e.author = e.thread
	}
	return e
}

func (e *event) readSlots(slots []any) {
	must(len(slots) <= 8, "slots")
	for _, one := range slots {
		f := fields(one, "r", "c", "l", "ct")
		text(f["r"])
		text(f["ct"])
		s := slot{name(f["c"], 32), number(f["l"])}
		must(s.length >= 0 && s.length <= 256*1024, "payload too large")
		e.slots = append(e.slots, s)
	}
}

func (e *event) readGenesis(h map[string]any) {
	g, hasG := h["g"]
	mem, hasMem := h["mem"]
	must(hasG == e.genesis && hasMem == e.genesis, "genesis")
	if !e.genesis {
		return
	}
	name(g, 16)
	must(e.n == 0 && len(e.others) == 0 && len(object(mem)) <= 16, "genesis")
	for member, role := range object(mem) {
		e.members[name(member, 32)] = text(role)
		must(roleForm.MatchString(text(role)), "role")
	}
	_, isMember := e.members[e.author]
	must((e.author == "") == (len(e.members) == 0) && (e.author == "" || isMember), "members")
}

// take is step 3: the payloads that are shown are those that the header commits to.
func (e *event) take(payloads map[string]any) {
	for place, pair := range payloads {
		k := strings.Index("01234567", place)
		must(len(place) == 1 && k >= 0 && k < len(e.slots), "no such slot")
		salt, content := unb64(text(list(pair)[0]), 32), text(list(pair)[1])
		must(int64(len(content)) == e.slots[k].length, "length")
		must(digest("pay/1", salt, []byte(content)) == e.slots[k].commitment, "commitment")
		e.payloads[k] = content
	}
}

// ---- the key log

type end struct { // a revocation: its place in the log, and the last words that count
	at     int
	valid  map[string]int64
	hidden []string
}

type device struct {
	scope string
	ends  []end
}

type keyLog struct {
	organisation, next, head string
	line                     []*event
	keys                     []string
	devices                  map[string]device
	events                   map[string]int // those that count, and their places
	tips                     map[chain]tip
	places                   int // that its revocations name
}

func newKeyLog(organisation string) *keyLog {
	return &keyLog{organisation: organisation, devices: map[string]device{}, events: map[string]int{}, tips: map[chain]tip{}}
}

// take continues the log by one event: in one line, signed by a key in force, rotations as committed to.
func (l *keyLog) take(e *event) {
	content, shown := e.payloads[0]
	must(e.thread == l.organisation && e.author == l.organisation && e.machine == "keylog/1" && shown, "another log")
	must(len(l.line) < 1000 && l.places <= 200_000, "too long")
	last, ok := l.tips[e.chain()]
	if !ok {
		last.n = -1
	}
	must(e.genesis == (l.head == ""), "gap")
	must(l.head == "" || slices.Contains(e.parents(), l.head), "gap")
	for _, other := range e.others {
		must(other == l.head || other == last.id, "gap")
	}
	must(e.n == last.n+1 && e.previous == last.id, "chain")
	l.signedBy(e)
	l.line = append(l.line, e)
	l.head, l.tips[e.chain()] = e.id, tip{e.n, e.id}
	if try(func() { l.fold(e, object(decode(content))) }) == "" {
		l.events[e.id] = len(l.events) // else it is void: it stays in the line and changes nothing
	}
}

// signedBy: the event is signed by a key in force, or by one that it brings into force itself.
func (l *keyLog) signedBy(e *event) {
	content, shown := e.payloads[0]
	must(e.author == l.organisation && e.machine == "keylog/1", "another log")
	keys := l.keys
	if e.genesis || e.kind == "KeyRotation" {
		must(shown && (!e.genesis || e.kind == "KeyInception"), "no inception")
		keys = texts(object(decode(content))["keys"])
		text(object(decode(content))["next"])
		must(e.genesis || commitment(keys) == l.next, "not committed to")
	}
	must(slices.Contains(keys, e.device) && signed(e.device, e.id, e.signature), "signature")
}

func (l *keyLog) fold(e *event, said map[string]any) {
	switch e.kind {
	case "KeyInception", "KeyRotation":
		keys := texts(said["keys"])
		next := text(said["next"])
		unique := slices.Clone(keys)
		slices.Sort(unique)
		must(len(keys) >= 1 && len(keys) <= 8 && len(slices.Compact(unique)) == len(keys), "keys")
		must(!slices.ContainsFunc(keys, func(key string) bool { return !sound(key) }), "weak key")
		must(e.genesis || e.kind == "KeyRotation" && commitment(keys) == l.next, "not committed to")
		l.keys, l.next = keys, next
	case "DeviceDelegation":
		name, scope := text(said["device"]), text(said["scope"])
		_, known := l.devices[name]
		must(sound(name) && (scope == "node" || maySay[scope] != nil) && !known, "device")
		l.devices[name] = device{scope: scope}
	case "DeviceRevocation":
		name, revoked := text(said["device"]), end{at: len(l.events), valid: map[string]int64{}}
		adds, isBool := said["adds"].(bool)
		_, given := said["adds"]
		must(isBool || !given, "adds")
		d, known := l.devices[name]
		must(known, "no such device")
		if adds && len(d.ends) > 0 {
			before := d.ends[len(d.ends)-1]
			revoked.valid, revoked.hidden = maps.Clone(before.valid), slices.Clone(before.hidden)
		}
		count := 0
		if given, ok := said["valid"]; ok {
			for place, n := range object(given) {
				revoked.valid[place], count = number(n), count+1
			}
		}
		if given, ok := said["hidden"]; ok {
			revoked.hidden, count = append(revoked.hidden, texts(given)...), count+len(texts(given))
		}
		l.places += count
		d.ends = append(slices.Clone(d.ends), revoked)
		l.devices[name] = d
	default:
		must(false, "unknown type")
	}
}

// maySign is the key log's part of step 6.
func (l *keyLog) maySign(e *event) {
	_, counts := l.events[e.keyEvent]
	must(counts, "unknown key event")
	_, ok := l.devices[e.device]
	must(ok, "unknown device")
}

func texts(v any) []string {
	result := []string{}
	for _, one := range list(v) {
		result = append(result, text(one))
	}
	return result
}

// commitment is what a key log says of its next keys before they are used.
func commitment(keys []string) string {
	parts := [][]byte{}
	for _, key := range slices.Sorted(slices.Values(keys)) {
		parts = append(parts, unb64(key, 32))
	}
	return digest("next-keys/1", parts...)
}
