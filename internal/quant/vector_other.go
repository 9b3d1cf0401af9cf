//go:build !amd64 || purego

package quant

func vectors() (none [Types]blockDecoder) { return none }
func vectorNF4() nf4Decoder               { return nil }
func vectorInt8() int8Decoder             { return nil }
