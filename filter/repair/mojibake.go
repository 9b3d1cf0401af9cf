package repair

// mojibake finds UTF-8 that was read as a single-byte encoding, until nothing more is found: damage comes in layers.
func mojibake(text string) []change {
	return nil
}
