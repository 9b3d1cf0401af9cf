// Package layers is the import rule of this module, as data: a test holds the code and docs/architecture.md to it.
package layers

// Ground is the package that every other may import and that imports none.
const Ground = "dataset"

// Allowed maps a package to the others it may import besides Ground. What is absent is forbidden.
var Allowed = map[string][]string{
	"cmd/temper": {"cli"},
	"bench":      {"collect/page", "dedup", "filter", "internal/kernel", "model", "model/tokenizer"},
	"cli": {"activities", "collect", "collect/query", "dedup", "eval", "filter", "filter/linear", "filter/ngram", "finetune", "internal/kernel", "internal/store", "internal/tfevents", "lora", "model", "model/chat",
		"model/convert", "model/hub", "model/tiny", "model/tokenizer", "recipe", "synth", "web", "worker", "workflows"},
	"web":       {"activities", "internal/store", "recipe", "worker", "workflows"},
	"recipe":    {"activities", "collect", "dedup", "filter", "finetune", "lora", "model/hub", "synth", "workflows"},
	"worker":    {"activities", "internal/store", "workflows"},
	"workflows": {"activities"},
	"activities": {"collect", "dedup", "filter", "filter/ngram", "finetune", "internal/kernel", "internal/store", "lora", "model", "model/chat",
		"model/convert", "model/hub", "model/tiny", "model/tokenizer", "synth"},

	"eval":          {"lora", "model"},
	"examples":      {},
	"collect":       {"collect/page"},
	"collect/page":  {},
	"collect/query": {},
	"filter":        {"filter/lang", "filter/linear", "filter/ngram", "filter/pii", "filter/repair"},
	"filter/lang":   {},
	"filter/linear": {},
	"filter/ngram":  {},
	"filter/pii":    {},
	"filter/repair": {},
	"dedup":         {},
	"synth":         {"synth/rouge"},
	"synth/rouge":   {},
	"finetune":      {"internal/graph", "internal/kernel", "internal/quant", "internal/safetensors", "lora", "model", "model/chat", "model/tokenizer"},

	"lora": {"internal/kernel", "internal/quant", "internal/safetensors"},
	"model": {"internal/gguf", "internal/kernel", "internal/quant", "internal/safetensors", "lora", "model/chat",
		"model/tokenizer"},
	"model/convert":   {"internal/gguf", "internal/kernel", "internal/quant", "internal/safetensors", "lora", "model"},
	"model/chat":      {"internal/jinja", "model/tokenizer"},
	"model/hub":       {},
	"model/tiny":      {},
	"model/tokenizer": {"internal/gguf"},
	Ground:            {},

	"internal/gguf":            {"internal/quant"},
	"internal/graph":           {"internal/kernel", "internal/quant"},
	"internal/jinja":           {},
	"internal/kernel":          {"internal/quant"},
	"internal/layers":          {},
	"internal/quant":           {},
	"internal/safetensors":     {"internal/quant"},
	"internal/store":           {},
	"internal/store/storetest": {},
	"internal/tfevents":        {},
}

// Rows is the picture, from the top. An arrow may only point down.
var Rows = [][]string{
	{"cmd/temper", "bench"},
	{"cli"},
	{"web"},
	{"recipe", "worker"},
	{"workflows"},
	{"activities"},
	{"collect", "filter", "dedup", "synth", "finetune", "eval", "model/convert"},
	{"collect/page", "collect/query", "filter/lang", "filter/linear", "filter/ngram", "filter/pii", "filter/repair", "synth/rouge"},
	{"model"},
	{"lora", "model/chat", "model/hub", "model/tiny", "internal/graph", "internal/store", "internal/store/storetest"},
	{"internal/kernel", "internal/jinja", "model/tokenizer"},
	{"internal/gguf", "internal/safetensors"},
	{"internal/quant", "internal/layers", "internal/tfevents", "examples"},
	{Ground},
}
