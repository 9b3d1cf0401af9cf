package finetune

import (
	"temper/internal/kernel"
	"temper/model"
)

// learnEmbedding adds the gradient of a sequence's embeddings, which is in dy, to that of an embedding that is trained whole. Rows are
// taken in order: a token may come again.
func (n *network) learnEmbedding(s Sequence) {
	grad := n.params.gradient(model.EmbeddingModule)
	if grad == nil {
		return
	}
	d, scale := n.base.Dim, float32(1)
	if n.base.EmbeddingScale != 0 {
		scale = n.base.EmbeddingScale
	}
	for i, id := range s.IDs {
		kernel.Axpy(grad[int(id)*d:(int(id)+1)*d], scale, n.dy[i*d:(i+1)*d])
	}
}
