package pii

import (
	"strings"
	"unicode/utf8"
)

const (
	maxLocal  = 64  // bytes of the part before the @, RFC 5321 §4.5.3.1.1
	maxDomain = 253 // bytes of the part after it
)

// localByte tells the bytes of a local part: letters, digits and the signs that people use. Quoted local parts and the
// rest of RFC 5322's atext are left alone, for in running text they are nearly always punctuation around an address; but for the
// apostrophe of o'neill. Letters beyond ASCII (RFC 6531) are those of scripts that part words by spaces.
var localByte = func() (t [256]bool) {
	for c := range 128 {
		t[c] = isDigit(byte(c)) || isLetter(byte(c)) || strings.IndexByte("._%+-", byte(c)) >= 0
	}
	return t
}()

// emails finds user@host.tld. Not e-mail addresses, though alike: an SSH remote (git@github.com:owner/name), the user
// of a URL (https://user@host), a pinned package (pkg@v1.2.3), an image at twice its size (icon@2x.png).
func (s *scan) emails() {
	for at := 0; ; at++ {
		n := strings.IndexByte(s.text[at:], '@')
		if n < 0 {
			return
		}
		at += n
		start := s.local(at)
		if start < 0 {
			continue
		}
		if end := s.domain(at + 1); end > 0 {
			s.add("email", start, end)
			at = end - 1
		}
	}
}

// local returns where the local part that ends before at starts, or -1.
func (s *scan) local(at int) int {
	start := at
	for start > 0 && at-start <= maxLocal {
		if n := s.letterBefore(start); n > 0 {
			start -= n
			continue
		}
		if s.apostrophe(start-1) && start < at {
			start--
			continue
		}
		if !localByte[s.text[start-1]] {
			break
		}
		start--
		if s.text[start] == '.' && (start+1 == at || s.text[start+1] == '.') {
			start++
			break
		}
	}
	for start < at && (s.text[start] == '.' || s.text[start] == '-' || s.text[start] == '%') {
		start++
	}
	if start == at || at-start > maxLocal {
		return -1
	}
	if start >= 2 && s.text[start-1] == '/' && s.text[start-2] == '/' {
		return -1
	}
	if s.at(start-1) == ':' && inURL(s.text[:start-1]) {
		return -1
	}
	return start
}

// letterBefore returns the bytes of the letter beyond ASCII that ends at i, or 0.
func (s *scan) letterBefore(i int) int {
	if s.at(i-1) < utf8.RuneSelf {
		return 0
	}
	r, n := utf8.DecodeLastRuneInString(s.text[:i])
	if !isWord(r) {
		return 0
	}
	return n
}

// apostrophe reports whether the sign at i is the apostrophe of an Irish name, as in o'neill.
func (s *scan) apostrophe(i int) bool {
	return s.at(i) == '\'' && s.at(i-1)|0x20 == 'o' && isLetter(s.at(i+1)) && !s.wordBefore(i-1)
}

// inURL reports whether before ends in scheme://user.
func inURL(before string) bool {
	i := len(before)
	for i > 0 && len(before)-i <= maxLocal && localByte[before[i-1]] {
		i--
	}
	return strings.HasSuffix(before[:i], "://")
}

// domain returns where the host name that starts at i ends, or 0 if there is none with a plausible top level.
func (s *scan) domain(i int) int {
	start, label, end := i, i, 0 // end is where the longest name so far ends
	for ; i <= len(s.text) && i-start <= maxDomain; i++ {
		c := s.at(i)
		if isDigit(c) || isLetter(c) || c == '-' {
			continue
		}
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRuneInString(s.text[i:]); isWord(r) {
				i += n - 1
				continue
			}
		}
		if i == label || s.text[label] == '-' || s.text[i-1] == '-' || i-label > 63 {
			break
		}
		if label > start && topLevel(s.text[label:i]) {
			end = i
		}
		if c != '.' {
			break
		}
		label = i + 1
	}
	if end == 0 || s.wordAt(end) || s.at(end) == '@' {
		return 0
	}
	if s.at(end) == ':' && end+1 < len(s.text) && !isSpace(s.text[end+1]) {
		return 0
	}
	if sized(s.text[start:end]) {
		return 0
	}
	return end
}

// topLevel reports whether label can be a top-level domain: letters only, or punycode.
func topLevel(label string) bool {
	if strings.HasPrefix(label, "xn--") {
		return len(label) > 5
	}
	if len(label) < 2 || len(label) > 24 {
		return false
	}
	for i := range len(label) {
		if !isLetter(label[i]) && label[i] < utf8.RuneSelf { // letters beyond ASCII were looked at
			return false
		}
	}
	return true
}

// sized reports whether host is the end of an image's name, as in icon@2x.png.
func sized(host string) bool {
	return len(host) > 3 && isDigit(host[0]) && host[1] == 'x' && host[2] == '.'
}
