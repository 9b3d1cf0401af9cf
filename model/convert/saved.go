package convert

import (
	"slices"

	"temper/internal/quant"
	"temper/model"
)

// names of what can be trained whole, in a GGUF file and in a folder.
var (
	embeddingNames = [2]string{"token_embd.weight", model.EmbeddingModule + ".weight"}
	headNames      = [2]string{"output.weight", model.HeadModule + ".weight"}
)

// whole puts the modules that were trained whole in the place of the base's. Where the base ties embedding and head they part: the one
// that was not trained stays as it is, under its own name, and each is in the type that the tied one would get.
func (s *Source) whole(items []item, form int) []item {
	if len(s.saved) == 0 {
		return items
	}
	at := slices.IndexFunc(items, func(it item) bool { return it.name == embeddingNames[form] })
	head := slices.IndexFunc(items, func(it item) bool { return it.name == headNames[form] })
	if s.tied && head < 0 {
		it := items[at]
		it.name = headNames[form]
		head = len(items)
		items = append(items, it)
	}
	for _, saved := range s.saved {
		i := at
		if saved.Name == model.HeadModule {
			i = head
		}
		items[i].from = quant.F32Tensor(items[i].name, saved.Out, saved.In, saved.W)
	}
	return items
}

// parts says whether embedding and head, which the base ties, are two in what is written.
func (s *Source) parts() bool { return s.tied && len(s.saved) > 0 }
