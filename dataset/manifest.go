package dataset

// SchemaVersion is the version of the stored forms of this package: the manifest and the Parquet columns.
const SchemaVersion = 1

// A Stage is the manifest of one finished stage: stages/<key>.json. It is written once, by a create-only PUT, after all
// it names: a reader sees a whole stage or none.
type Stage struct {
	SchemaVersion int              `json:"schema_version"`
	Name          string           `json:"name"`    // collect, filter, near, ...
	Key           string           `json:"key"`     // sha256 of engine version, full options and input digests
	Engine        string           `json:"engine"`  // name/version of the engine, such as filter/1
	Options       any              `json:"options"` // in full, defaults filled in
	Inputs        []Ref            `json:"inputs"`
	Outputs       map[string][]Ref `json:"outputs"` // by role: records, notes, rejects, quarantine, clusters, tokens, adapter, ...
	Counts        Counts           `json:"counts"`
	Metrics       map[string]any   `json:"metrics,omitempty"` // numbers and small tables a report shows
}

// Counts is what went in and came out of a stage. In = Out + Dropped for a stage that selects.
type Counts struct {
	In      int64   `json:"in"`
	Out     int64   `json:"out"`
	Dropped int64   `json:"dropped"`
	Bad     int64   `json:"bad,omitempty"`     // rows in quarantine
	Bytes   int64   `json:"bytes,omitempty"`   // of text that came out
	Reasons Reasons `json:"reasons,omitempty"` // dropped rows by rule
}

// A Manifest describes one published version of a dataset: datasets/<name>/<version>/manifest.json.
type Manifest struct {
	SchemaVersion int      `json:"schema_version"`
	Name          string   `json:"name"`
	Version       string   `json:"version"` // first 12 hex digits of the digest over its files
	Splits        []Split  `json:"splits"`
	Rejects       []File   `json:"rejects"`
	Stages        []string `json:"stages"` // keys of the stages it came from, in order
	Recipe        string   `json:"recipe"` // the full recipe, defaults filled in, as JSON
	Bytes         int64    `json:"bytes"`
	Records       int64    `json:"records"`
}

// A Split is one named part of a dataset: train, test.
type Split struct {
	Name    string `json:"name"`
	Records int64  `json:"records"`
	Files   []File `json:"files"`
}

// A File is one file of a dataset, by its path below the dataset's folder.
type File struct {
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Records int64  `json:"records"`
}
