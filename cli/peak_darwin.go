package cli

// maxrssUnit is how many bytes getrusage counts in.
const maxrssUnit = 1
