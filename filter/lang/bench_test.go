package lang

import (
	"strings"
	"testing"
)

// English of different lengths: of more than 4 KB, that much is looked at. Korean is told by its script.
func BenchmarkIdentify(b *testing.B) {
	english := strings.Join(docs(b), "\n")
	korean := strings.Repeat("모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. ", 200)
	for _, bm := range []struct{ name, text string }{
		{"english/200B", english[:200]}, {"english/2KB", english[:2<<10]}, {"english/64KB", english[:64<<10]}, {"korean/2KB", korean[:2<<10]},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.SetBytes(int64(len(bm.text)))
			b.ReportAllocs()
			for b.Loop() {
				Identify(bm.text)
			}
		})
	}
}

// The table is read once, when it is first needed.
func BenchmarkDecode(b *testing.B) {
	b.SetBytes(int64(len(table)))
	for b.Loop() {
		if _, err := decode(table); err != nil {
			b.Fatal(err)
		}
	}
}
