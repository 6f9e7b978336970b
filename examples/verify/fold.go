// The one order of reading, and a till that is read in it: what the fold vectors are about.
package main

import (
	"cmp"
	"slices"
)

type word struct {
	ID, By, Role, Kind string
	Content            struct {
		Amount int64
		Note   string
	}
	Parents []string
}

type table struct {
	Crossings       [][3]string
	CrossingsByRole [][5]string `json:"crossings_by_role"`
}

// before tells whether the table has one read before two when they crossed.
func (t *table) before(one, two *word) bool {
	for _, row := range t.CrossingsByRole {
		if row[0] == one.Role && row[1] == one.Kind && row[2] == two.Role && row[3] == two.Kind {
			return decides(row[4], one, two)
		}
		if row[0] == two.Role && row[1] == two.Kind && row[2] == one.Role && row[3] == one.Kind {
			return decides(turned[row[4]], one, two)
		}
	}
	for _, row := range t.Crossings {
		if row[0] == one.Kind && row[1] == two.Kind {
			return decides(row[2], one, two)
		}
		if row[0] == two.Kind && row[1] == one.Kind {
			return decides(turned[row[2]], one, two)
		}
	}
	return false
}

var turned = map[string]string{
	"left-first": "right-first", "right-first": "left-first", "by-role": "by-role", "either": "either",
}

func decides(which string, one, two *word) bool {
	return which == "left-first" || which == "by-role" && one.Role < two.Role
}

type graph struct {
	words  map[string]*word
	future map[string]map[string]bool // each word with all that follow it
	table  *table
}

// linear is the order: parents first; of those that are ready, one that the table puts behind none, else the branch
// that holds the stronger word, else by role, author and id.
func linear(words []*word, t *table) []*word {
	g := graph{map[string]*word{}, map[string]map[string]bool{}, t}
	for _, w := range words {
		g.words[w.ID] = w
	}
	for _, w := range words {
		g.mark(w, w.ID)
	}
	order, done := []*word{}, map[string]bool{}
	for len(order) < len(words) {
		ready := slices.DeleteFunc(slices.Clone(words), func(w *word) bool {
			return done[w.ID] || slices.ContainsFunc(w.Parents, func(p string) bool { return g.words[p] != nil && !done[p] })
		})
		next := slices.MinFunc(ready, func(a, b *word) int {
			return cmp.Or(cmp.Compare(g.rank(a, ready), g.rank(b, ready)), cmp.Compare(a.Role, b.Role),
				cmp.Compare(a.By, b.By), cmp.Compare(a.ID, b.ID))
		})
		order, done[next.ID] = append(order, next), true
	}
	return order
}

// mark notes that id follows w and all above w.
func (g *graph) mark(w *word, id string) {
	if g.future[w.ID] == nil {
		g.future[w.ID] = map[string]bool{}
	}
	if g.future[w.ID][id] {
		return
	}
	g.future[w.ID][id] = true
	for _, parent := range w.Parents {
		if above := g.words[parent]; above != nil {
			g.mark(above, id)
		}
	}
}

// rank is 0 for what nothing concurrent goes before, else 1 and how many other branches are stronger.
func (g *graph) rank(w *word, ready []*word) int {
	beaten, behind := 0, 0
	for _, other := range ready {
		if other == w {
			continue
		}
		for id := range g.future[other.ID] {
			if !g.future[w.ID][id] && g.table.before(g.words[id], w) {
				beaten = 1
			}
		}
		if g.stronger(other, w) && !g.stronger(w, other) {
			behind++
		}
	}
	return beaten * (1 + behind)
}

// stronger: the branch of one has a word that goes before something in the branch of two, and nothing there before it.
func (g *graph) stronger(one, two *word) bool {
	for a := range g.future[one.ID] {
		if g.future[two.ID][a] {
			continue
		}
		wins, loses := false, false
		for b := range g.future[two.ID] {
			if !g.future[one.ID][b] {
				wins = wins || g.table.before(g.words[a], g.words[b])
				loses = loses || g.table.before(g.words[b], g.words[a])
			}
		}
		if wins && !loses {
			return true
		}
	}
	return false
}

type till struct {
	closed bool
	note   string
	sum    int64
}

// read is the till after one more word, or why the word is void.
func (t *till) read(w *word) string {
	switch {
	case !slices.Contains([]string{"Add", "Take", "Set", "Close"}, w.Kind):
		return ""
	case t.closed:
		return "closed"
	case w.Kind == "Take" && w.Content.Amount > t.sum:
		return "short"
	case w.Kind == "Add":
		t.sum += w.Content.Amount
	case w.Kind == "Take":
		t.sum -= w.Content.Amount
	case w.Kind == "Set":
		t.note = w.Content.Note
	case w.Kind == "Close":
		t.closed = true
	}
	return ""
}
