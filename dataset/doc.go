// Package dataset is the vocabulary of the pipeline: records and what passes say about them, the refs that name stored
// bytes, the manifest of a finished stage, the store, and the codecs (JSONL, Parquet, Arrow IPC).
//
// Records are immutable after collect. A pass never changes one: it yields a [Note] beside it, with signals (scores),
// checks (each rule's value against its threshold) and edits (spans of the text to replace); [Select] applies notes.
// It imports nothing from this module, and every other package may import it.
package dataset
