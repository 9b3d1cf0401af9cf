package dataset

import (
	"math"

	"github.com/zeebo/xxh3"
)

// SplitOf returns the split of a cluster, "train" or "test", by its hash: the share testPercent of clusters, in percent, is held
// out. A cluster stays where it is when others come or go, and one that is held out stays so when testPercent grows.
func SplitOf(cluster string, testPercent float64, seed uint64) string {
	const unit = 1 << 53
	h := float64(xxh3.HashStringSeed("split\x00"+cluster, seed) >> 11) // marked, so that no other choice by hash falls together with it
	if h < math.Min(math.Max(testPercent, 0), 100)/100*unit {
		return "test"
	}
	return "train"
}
