// Package tiny is a base model in the binary: a Llama of 1.2 M parameters in Q8_0, trained on the Go standard library's
// documentation (BSD-3-Clause) by interop/tinybase/train.py. It is for trying the pipeline where no other base can be had;
// it writes Go-like words, not answers.
package tiny

import _ "embed"

// Name is how recipes name this base.
const Name = "tiny"

// SHA256 is the hex digest of GGUF.
const SHA256 = "b9ef9302643f88337439e373a1f411a6c906dcb0266962b21c05d9e55ca70dfa"

// GGUF is the model file.
//
//go:embed tiny.gguf
var GGUF []byte
