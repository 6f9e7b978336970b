// The three words that close a thread, by which a pruned one proves what lasts.
package main

import "slices"

// said is what a closing word holds; nil if it is none, is withheld, or is malformed.
func (e *event) said() (found map[string]any) {
	content, shown := e.payloads[0]
	if !shown {
		return
	}
	try(func() {
		o := object(decode(content))
		switch e.kind {
		case "CloseProposed":
			text(o["state"])
			object(o["lasting"])
			if void, given := o["void"]; given {
				for _, code := range object(void) {
					text(code)
				}
			}
		case "CloseAccepted":
			text(o["state"])
			text(o["proposal"])
		case "ThreadClosed":
			text(o["state"])
			text(o["acceptance"])
		default:
			return
		}
		found = o
	})
	return
}

// acceptances are those of all seals, ordered by the words that end them: one member has proposed with a state and its
// hash, the other has accepted, the first has confirmed, and the confirmation stands above the acceptance.
func acceptances(events []*event) (found []string) {
	words := map[string]*event{}
	for _, e := range events {
		words[e.id] = e
	}
	for _, id := range sorted(words) {
		try(func() {
			last := words[id]
			must(last.kind == "ThreadClosed", "no closing word")
			middle := words[text(last.said()["acceptance"])]
			must(middle != nil && middle.kind == "CloseAccepted", "no acceptance")
			first := words[text(middle.said()["proposal"])]
			must(first != nil && first.kind == "CloseProposed", "no proposal")
			state := digest("closing/1", encode(nil, object(first.said()["lasting"]), 0))
			for _, e := range []*event{first, middle, last} {
				must(text(e.said()["state"]) == state, "another state")
			}
			must(first.author == last.author && middle.author != last.author, "closed alone")
			must(above(events, middle.id)[id], "not confirmed")
			found = append(found, middle.id)
		})
	}
	return
}

// above is an event with all that follows it; events stand below their parents.
func above(events []*event, id string) map[string]bool {
	found := map[string]bool{id: true}
	for _, e := range events {
		if slices.ContainsFunc(e.parents(), func(parent string) bool { return found[parent] }) {
			found[e.id] = true
		}
	}
	return found
}

// beforeClosing are the events of a pruned thread up to the acceptance; between them others are gone.
func beforeClosing(events []*event) map[string]bool {
	seals := acceptances(events)
	must(len(seals) > 0, "pruned, but not closed")
	later, found := above(events, seals[0]), map[string]bool{seals[0]: true}
	for _, e := range events {
		if !later[e.id] {
			found[e.id] = true
		}
	}
	return found
}
