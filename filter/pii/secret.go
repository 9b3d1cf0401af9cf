package pii

import (
	"hash/crc32"
	"math"
	"strings"
)

// A key is how the keys of a service look: a prefix and so many letters and digits (and - or _ if dashes) after it.
type key struct {
	prefix string
	min    int
	max    int
	dashes bool
	upper  bool // capitals and digits only
}

// keys are the services' keys, by what their documentation says. Sources: the providers' pages on their formats, and
// GitHub's list of patterns for secret scanning.
var keys = []key{
	{"AKIA", 16, 16, false, true}, {"ASIA", 16, 16, false, true}, // Amazon
	{"ghp_", 36, 36, false, false}, {"gho_", 36, 36, false, false}, {"ghu_", 36, 36, false, false}, {"ghs_", 36, 36, false, false},
	{"ghr_", 36, 36, false, false}, {"github_pat_", 82, 82, true, false}, {"glpat-", 20, 20, true, false},
	{"xoxb-", 24, 80, true, false}, {"xoxp-", 24, 80, true, false}, {"xoxa-", 24, 80, true, false}, {"xoxr-", 24, 80, true, false},
	{"xoxs-", 24, 80, true, false}, {"sk_live_", 24, 99, false, false}, {"rk_live_", 24, 99, false, false}, {"AIza", 35, 35, true, false},
	{"sk-ant-", 80, 120, true, false}, {"sk-proj-", 40, 180, true, false}, {"sk-", 48, 48, false, false}, {"npm_", 36, 36, false, false},
	{"pypi-AgEI", 50, 250, true, false}, {"hf_", 34, 40, false, false}, {"dop_v1_", 64, 64, false, false}, {"shpat_", 32, 32, false, false},
	{"shpss_", 32, 32, false, false}, {"shpca_", 32, 32, false, false}, {"shppa_", 32, 32, false, false}, {"dapi", 32, 32, false, false},
	{"xapp-", 60, 120, true, false}, {"lin_api_", 40, 40, false, false}, {"glsa_", 41, 41, true, false}, {"ya29.", 50, 300, true, false},
	{"AGE-SECRET-KEY-1", 58, 58, false, true}, {"SK", 32, 32, false, false}, {"key-", 32, 32, false, false},
}

// keysOf are the keys by the first byte of their prefix.
var keysOf = func() (t [256][]key) {
	for _, k := range keys {
		t[k.prefix[0]] = append(t[k.prefix[0]], k)
	}
	return t
}()

// secretStart are the bytes with which a secret begins.
var secretStart = func() (t [256]bool) {
	for _, k := range keys {
		t[k.prefix[0]] = true
	}
	t['e'], t['S'], t['T'] = true, true, true // eyJ, SG., Slack's hooks
	return t
}()

// secret returns where the key or token that starts at i ends, or 0, and adds it. Beside the keys that their prefix tells:
// JSON web tokens and SendGrid's keys. The last six characters of GitHub's tokens are a checksum, which must be right.
func (s *scan) secret(i int) int {
	end := 0
	switch {
	case strings.HasPrefix(s.text[i:], "eyJ"):
		end = s.parts(i, 3, 10)
	case strings.HasPrefix(s.text[i:], "SG."):
		end = s.parts(i, 3, 2)
		if end-i != 69 {
			return 0
		}
	case s.text[i] == 'T':
		end = s.hook(i)
	default:
		end = s.key(i)
	}
	if end == 0 || s.wordAt(end) {
		return 0
	}
	s.add("secret", i, end)
	return end
}

// hook returns where the path of a Slack hook ends, which lets anyone write there: hooks.slack.com/services/T…/B…/….
func (s *scan) hook(i int) int {
	if !strings.HasSuffix(s.text[:i], "hooks.slack.com/services/") {
		return 0
	}
	end, slashes := i, 0
	for ; end < len(s.text) && end-i <= 80; end++ {
		if c := s.text[end]; c == '/' {
			slashes++
		} else if !isDigit(c) && !isLetter(c) {
			break
		}
	}
	if slashes != 2 || end-i < 40 || !random(s.text[i:end]) {
		return 0
	}
	return end
}

// key returns where the key of a service that starts at i ends, or 0.
func (s *scan) key(i int) int {
	for _, k := range keysOf[s.text[i]] {
		if !strings.HasPrefix(s.text[i:], k.prefix) {
			continue
		}
		from := i + len(k.prefix)
		end := from
		for end < len(s.text) && end-from <= k.max && keyByte(s.text[end], k) {
			end++
		}
		body := s.text[from:end]
		if len(body) < k.min || len(body) > k.max || !random(body) || strings.HasPrefix(k.prefix, "gh") && len(k.prefix) == 4 && !checked(body) {
			continue
		}
		return end
	}
	return 0
}

func keyByte(c byte, k key) bool {
	if k.upper {
		return isDigit(c) || isUpper(c)
	}
	return isDigit(c) || isLetter(c) || k.dashes && (c == '-' || c == '_')
}

// random reports whether text looks drawn by chance: what stands for a key in documentation (xxxx, 1234, EXAMPLE) does not.
func random(text string) bool {
	var counts [256]int
	for i := range len(text) {
		counts[text[i]]++
	}
	entropy := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(text))
			entropy -= p * math.Log2(p)
		}
	}
	return entropy >= 2.8 && !strings.Contains(strings.ToUpper(text), "EXAMPLE")
}

// checked reports whether the last six of 36 characters are the CRC-32 of the others in base 62, as GitHub's tokens have it.
func checked(body string) bool {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum, want := crc32.ChecksumIEEE([]byte(body[:30])), [6]byte{}
	for i := len(want) - 1; i >= 0; i-- {
		want[i] = letters[sum%62]
		sum /= 62
	}
	return string(want[:]) == body[30:]
}

// parts returns where so many parts in base 64 that dots part end, each of so many characters at least, or 0.
func (s *scan) parts(i, count, least int) int {
	const most = 4096 // bytes of a part
	for ; count > 0; count-- {
		start := i
		for i < len(s.text) && i-start < most && (isDigit(s.text[i]) || isLetter(s.text[i]) || s.text[i] == '-' || s.text[i] == '_') {
			i++
		}
		if i-start < least {
			return 0
		}
		if count > 1 {
			if s.at(i) != '.' {
				return 0
			}
			i++
		}
	}
	return i
}

// privateKeys finds private keys in PEM: from -----BEGIN ... PRIVATE KEY----- to the end of the matching END line.
func (s *scan) privateKeys() {
	const begin, end, longest = "-----BEGIN ", "PRIVATE KEY-----", 16 << 10 // bytes
	for at := 0; ; {
		n := strings.Index(s.text[at:], begin)
		if n < 0 {
			return
		}
		start := at + n
		at = start + len(begin)
		line := s.text[at:min(len(s.text), at+40)]
		head := strings.Index(line, end)
		if head < 0 || strings.IndexByte(line[:head], '\n') >= 0 {
			continue
		}
		body := s.text[at+head+len(end) : min(len(s.text), start+longest)]
		foot := strings.Index(body, "-----END ")
		if foot < 0 {
			continue
		}
		tail := strings.Index(body[foot:min(len(body), foot+60)], end)
		if tail < 0 {
			continue
		}
		stop := at + head + len(end) + foot + tail + len(end)
		s.add("secret", start, stop)
		at = stop
	}
}
