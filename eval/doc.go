// Package eval measures what a model can do by tasks whose answers can be checked: multiple choice by log-likelihood, the number an
// answer ends with, or its words; each with its interval, and two models compared on the same items.
//
// Definitions are those of EleutherAI's evaluation harness for likelihoods (acc and acc_norm), of GSM8K for numbers (Cobbe et al.
// 2021, arXiv:2110.14168: the answer after ####) and of SQuAD for words (Rajpurkar et al. 2016, arXiv:1606.05250: case, punctuation,
// articles and spaces do not count).
package eval
