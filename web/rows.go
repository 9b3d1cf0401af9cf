package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"temper/dataset"
)

const (
	listedRows = 25        // rows of one page
	scanned    = 20_000    // rows one page looks at to find those it was asked for
	shownText  = 1_500     // bytes of a text in a list
	shownTurns = 8         // turns of a row in a list
	wholeText  = 512 << 10 // bytes of a text on the page of its row
)

// A segment is one file of rows.
type segment struct {
	records int64
	rows    func(from int64) dataset.Rows // from that row of the file on
}

// A numbered row knows its place in what is listed.
type numbered struct {
	At int64
	dataset.Row
}

// A listing is rows in order, in files.
type listing []segment

func (l listing) records() (n int64) {
	for _, s := range l {
		n += s.records
	}
	return n
}

// find gathers at most most rows that match, from row from on. next is the row to go on at, or -1 at the end. No more than
// scanned rows are looked at.
func (l listing) find(ctx context.Context, from int64, most int, match func(dataset.Row) bool) (found []numbered, next int64, err error) {
	at := int64(0)
	for _, seg := range l {
		if from >= at+seg.records {
			at += seg.records
			continue
		}
		n := max(from, at)
		for row, err := range seg.rows(n - at) {
			if err != nil {
				return nil, 0, err
			}
			if len(found) == most || n-from >= scanned {
				return found, n, nil
			}
			if match(row) {
				found = append(found, numbered{n, row})
			}
			if n++; n%256 == 0 && ctx.Err() != nil {
				return nil, 0, context.Cause(ctx)
			}
		}
		at += seg.records
	}
	return found, -1, nil
}

// opened is the rows of an object, which is open while they are ranged over.
func (s *Server) opened(ctx context.Context, open func() (dataset.Object, error)) func(int64) dataset.Rows {
	return func(from int64) dataset.Rows {
		return func(yield func(dataset.Row, error) bool) {
			obj, err := open()
			if err != nil {
				yield(dataset.Row{}, err)
				return
			}
			defer obj.Close()
			for row, err := range dataset.ReadRowsFrom(obj, obj.Info().Size, from) {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// files lists the rows of a dataset's files.
func (s *Server) files(ctx context.Context, dir string, files []dataset.File) listing {
	var l listing
	for _, f := range files {
		open := func() (dataset.Object, error) { return s.Store.Open(ctx, dir+"/"+f.Path) }
		l = append(l, segment{f.Records, s.opened(ctx, open)})
	}
	return l
}

// blobs lists the rows of a run's outputs.
func (s *Server) blobs(ctx context.Context, refs []dataset.Ref) listing {
	var l listing
	for _, ref := range refs {
		open := func() (dataset.Object, error) { return dataset.OpenBlob(ctx, s.Store, ref) }
		l = append(l, segment{ref.Records, s.opened(ctx, open)})
	}
	return l
}

// A tab is one of several listings beside each other.
type tab struct {
	Name    string
	Records int64
	Here    bool
}

// A choice is something rows can be chosen by, a rule or a value, and how many there are.
type choice struct {
	Name string
	Rows int64
}

// rowsPage is the data of a page of rows, and of one row.
type rowsPage struct {
	Path   string // of the page
	Up     string // address of what the rows are of
	UpName string
	Tabs   []tab             // splits, or stages
	Tab    string            // name of the parameter that chooses one
	Rules  []choice          // by which dropped rows can be chosen
	Query  map[string]string // the parameters as given
	Total  int64
	From   int64
	Last   int64 // last row that was looked at
	Next   int64 // -1 at the end
	Before int64 // where the page before began, or -1
	Rows   []numbered
	Why    string // command that traces a row, without its ID
}

// Link is the address of this page with parameters changed: pairs of name and value, "" for none.
func (p rowsPage) Link(pairs ...string) string {
	q := map[string]string{}
	for k, v := range p.Query {
		q[k] = v
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q[pairs[i]] = pairs[i+1]
	}
	flat := make([]string, 0, 2*len(q))
	for k, v := range q {
		flat = append(flat, k, v)
	}
	return p.Path + query(flat...)
}

// Searched reports whether only some rows are asked for.
func (p rowsPage) Searched() bool { return p.Query["q"] != "" || p.Query["rule"] != "" }

// show fills in the rows the query asks for and returns the page of them, or of the one row at.
func (p rowsPage) show(r *http.Request, title string, l listing) (view, error) {
	var err error
	p.Total = l.records()
	at, err := rowNumber("at", p.Query["at"], -1)
	if err != nil {
		return view{}, err
	}
	if p.From, err = rowNumber("from", p.Query["from"], 0); err != nil {
		return view{}, err
	}
	if p.From > 0 && p.From >= p.Total || at >= p.Total {
		return view{}, fmt.Errorf("there are %s rows here, counted from 0; row %s is beyond them: %w", Count(p.Total), Count(max(p.From, at)), errRequest)
	}
	if at >= 0 {
		return p.one(r.Context(), title, l, at)
	}
	if p.Rows, p.Next, err = l.find(r.Context(), p.From, listedRows, p.match()); err != nil {
		return view{}, err
	}
	p.Last = p.Next - 1
	if p.Next < 0 {
		p.Last = p.Total - 1
	}
	p.Before = -1
	if p.From > 0 && !p.Searched() {
		p.Before = max(0, p.From-listedRows)
	}
	return view{Page: "rows", Title: title, Section: p.section(), Data: p}, nil
}

// one is the page of one row.
func (p rowsPage) one(ctx context.Context, title string, l listing, at int64) (view, error) {
	rows, _, err := l.find(ctx, at, 1, func(dataset.Row) bool { return true })
	if err != nil {
		return view{}, err
	}
	if len(rows) == 0 {
		return view{}, fmt.Errorf("row %s is not there: its file has fewer rows than its manifest says", Count(at))
	}
	p.Rows, p.From = rows, at
	return view{Page: "row", Title: "Row " + Count(at) + " of " + title, Section: p.section(), Data: p}, nil
}

func (p rowsPage) section() string {
	if strings.HasPrefix(p.Path, "/datasets/") {
		return "datasets"
	}
	return "runs"
}

// match tells the rows the query asks for: by the rule that dropped them, by the beginning of their ID, or by words in them.
func (p rowsPage) match() func(dataset.Row) bool {
	rule, words := p.Query["rule"], strings.ToLower(p.Query["q"])
	return func(row dataset.Row) bool {
		if rule != "" && (row.Verdict == nil || row.Verdict.Rule != rule) {
			return false
		}
		if words == "" || strings.HasPrefix(strings.ToLower(row.ID), words) || strings.Contains(strings.ToLower(row.Text), words) ||
			strings.Contains(strings.ToLower(row.Source.URI), words) {
			return true
		}
		for _, m := range row.Messages {
			if strings.Contains(strings.ToLower(m.Content), words) {
				return true
			}
		}
		return false
	}
}

// A clip is the beginning of a text.
type clip struct {
	Text string
	Left int64 // bytes that are not shown
}

func clipped(s string, n int) clip {
	head, left := cut(s, n)
	return clip{head, int64(left)}
}

// Clip cuts a text for a list.
func (numbered) Clip(s string) clip { return clipped(s, shownText) }

// Whole cuts a text for the page of its row.
func (numbered) Whole(s string) clip { return clipped(s, wholeText) }

// End is where the row's bytes end in their source.
func (n numbered) End() int64 { return n.Source.Offset + n.Source.Length }

// AllTurns are the row's messages, and before them its text, which has no role.
func (n numbered) AllTurns() []dataset.Message {
	if n.Text == "" {
		return n.Messages
	}
	return append([]dataset.Message{{Content: n.Text}}, n.Messages...)
}

// Turns are those that a list shows.
func (n numbered) Turns() []dataset.Message {
	all := n.AllTurns()
	return all[:min(len(all), shownTurns)]
}

// MoreTurns is how many it does not show.
func (n numbered) MoreTurns() int { return max(0, len(n.AllTurns())-shownTurns) }
