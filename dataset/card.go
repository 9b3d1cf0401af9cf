package dataset

import (
	"fmt"
	"strings"
)

// cardFeatures are the columns in the words of a dataset card's front matter.
const cardFeatures = `  features:
  - {name: id, dtype: string}
  - {name: text, dtype: string}
  - name: messages
    list:
    - {name: role, dtype: string}
    - {name: content, dtype: string}
  - {name: meta, dtype: string}
  - name: source
    struct:
    - {name: uri, dtype: string}
    - {name: offset, dtype: int64}
    - {name: length, dtype: int64}
    - {name: row, dtype: int64}
    - {name: sha256, dtype: string}
    - {name: license, dtype: string}
  - {name: parents, list: string}
  - {name: cluster, dtype: string}
  - {name: signals, dtype: string}
  - name: checks
    list:
` + checkFields + `  - name: verdict
    struct:
` + checkFields

const checkFields = `    - {name: rule, dtype: string}
    - {name: value, dtype: float64}
    - {name: op, dtype: string}
    - {name: threshold, dtype: float64}
    - {name: drop, dtype: bool}
    - {name: detail, dtype: string}
`

// Card returns the dataset card of a version: README.md with the front matter that Hugging Face's libraries and viewer read.
// Splits without rows are left out of it, for those libraries refuse a whole dataset that has one.
func Card(m Manifest, s Stats) string {
	var b strings.Builder
	front(&b, m, s)
	fmt.Fprintf(&b, "# %s\n\nVersion %s, written by Temper.\n\n| split | records | text bytes |\n|---|---|---|\n", m.Name, m.Version)
	for _, sp := range m.Splits {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", sp.Name, sp.Records, s.split(sp.Name).Bytes)
	}
	b.WriteString("\nEvery row names its source (file, byte offset, length, digest) and what each rule found. `meta` and `signals` are JSON objects.\n")
	rejects := s.split("rejects")
	if rejects.Records > 0 {
		fmt.Fprintf(&b, "\n## What was dropped\n\n%d rows are in the configuration `rejects`, each with the rule that dropped it in `verdict`.\n\n| rule | rows |\n|---|---|\n", rejects.Records)
		for _, rule := range rejects.Reasons.Top() {
			fmt.Fprintf(&b, "| %s | %d |\n", rule, rejects.Reasons[rule])
		}
	}
	return b.String()
}

// front writes the front matter.
func front(b *strings.Builder, m Manifest, s Stats) {
	var files, text int64
	fmt.Fprintf(b, "---\ndataset_info:\n- config_name: default\n%s  splits:\n", cardFeatures)
	var configs strings.Builder
	for _, sp := range m.Splits {
		if sp.Records == 0 {
			continue
		}
		for _, f := range sp.Files {
			files += f.Bytes
		}
		n := s.split(sp.Name).Bytes
		text += n
		fmt.Fprintf(b, "  - {name: %s, num_bytes: %d, num_examples: %d}\n", sp.Name, n, sp.Records)
		fmt.Fprintf(&configs, "  - {split: %s, path: \"data/%s-*\"}\n", sp.Name, sp.Name)
	}
	fmt.Fprintf(b, "  download_size: %d\n  dataset_size: %d\nconfigs:\n", files, text)
	fmt.Fprintf(b, "- config_name: default\n  default: true\n  data_files:\n%s", configs.String())
	if s.split("rejects").Records > 0 {
		b.WriteString("- config_name: rejects\n  data_files:\n  - {split: rejects, path: \"rejects/rejects-*\"}\n")
	}
	b.WriteString("---\n\n")
}
