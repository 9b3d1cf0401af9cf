package pii

import "strings"

// assigned finds secrets by what they are assigned to: password, secret, token or api_key, then = or :, then a text in
// quotes of 16 characters or more that looks drawn by chance, without space. Only the text is the secret.
func (s *scan) assigned(i int) {
	var quote byte
	j := i + 1
	for j < len(s.text) && j-i < 5 && (s.text[j] == ' ' || s.text[j] == '"' || s.text[j] == '\'') {
		if s.text[j] != ' ' {
			quote = s.text[j]
			j++
			break
		}
		j++
	}
	if quote == 0 {
		s.bare(i)
		return
	}
	if !s.namesSecret(i) {
		return
	}
	end := j
	for end < len(s.text) && end-j <= 128 && s.text[end] != quote && s.text[end] > ' ' && s.text[end] < 0x7F {
		end++
	}
	body := s.text[j:end]
	if len(body) < 16 || s.at(end) != quote || !mixed(body) || !random(body) || strings.ContainsAny(body, "<>{}$()") {
		return
	}
	s.add("secret", j, end)
}

// namesSecret reports whether the word before the sign at i says that a secret follows.
func (s *scan) namesSecret(i int) bool {
	end := i
	for end > 0 && i-end < 3 && (s.text[end-1] == ' ' || s.text[end-1] == '"' || s.text[end-1] == '\'' || s.text[end-1] == ':') {
		end--
	}
	start := end
	for start > 0 && end-start < 40 && (isLetter(s.text[start-1]) || isDigit(s.text[start-1]) || s.text[start-1] == '_' || s.text[start-1] == '-') {
		start--
	}
	name := strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s.text[start:end]))
	for _, w := range [...]string{"password", "passwd", "secret", "apikey", "secretkey", "accesskey", "token", "privatekey", "authkey"} {
		if strings.HasSuffix(name, w) {
			return true
		}
	}
	return false
}

// mixed reports whether text has letters and digits.
func mixed(text string) bool {
	letter, digit := false, false
	for i := range len(text) {
		letter, digit = letter || isLetter(text[i]), digit || isDigit(text[i])
	}
	return letter && digit
}

// bare finds secrets without quotes around the sign at i: in a variable of the environment, the password of an address, the key of an
// account of Azure's, the token of a Telegram bot.
func (s *scan) bare(i int) {
	switch {
	case s.text[i] == '=' && s.at(i+1) > ' ':
		s.variable(i)
	case s.text[i] == ':' && s.at(i+1) != '/':
		if isDigit(s.at(i - 1)) {
			s.bot(i)
		}
		s.login(i)
	}
}

// run returns where the characters at i end that are no space and no quote, of at most so many.
func (s *scan) run(i, most int) int {
	end := i
	for end < len(s.text) && end-i <= most && s.text[end] > ' ' && s.text[end] < 0x7F && strings.IndexByte("\"'`;,<>(){}$", s.text[end]) < 0 {
		end++
	}
	return end
}

// variable finds NAME=value at the start of a line, or after a space: a name in capitals that says that a secret follows, and a
// value of 16 characters or more that looks drawn by chance. A key of Azure's is AccountKey=, in base 64.
func (s *scan) variable(i int) {
	end := s.run(i+1, 128)
	if end-i-1 < 16 {
		return
	}
	start := i
	for start > 0 && i-start < 40 && (isUpper(s.text[start-1]) || isDigit(s.text[start-1]) || s.text[start-1] == '_') {
		start--
	}
	body := s.text[i+1 : end]
	azure := strings.HasSuffix(s.text[:i], "AccountKey") && len(body) == 88 && strings.HasSuffix(body, "==")
	if !azure && (i-start < 5 || s.wordBefore(start) || s.at(start-1) == '-' || s.at(start-1) == '.' || !s.namesSecret(i) || strings.ContainsAny(body, "/:") && strings.Contains(body, "://")) {
		return
	}
	if mixed(body) && random(body) {
		s.add("secret", i+1, end)
	}
}

// bot finds 123456789:AA…, the token of a bot: 8 to 10 digits, and 35 characters of which the first are AA.
func (s *scan) bot(i int) {
	start := i
	for start > 0 && i-start <= 10 && isDigit(s.text[start-1]) {
		start--
	}
	end := i + 1
	for end < len(s.text) && end-i <= 36 && (isDigit(s.text[end]) || isLetter(s.text[end]) || s.text[end] == '-' || s.text[end] == '_') {
		end++
	}
	if n := i - start; n < 8 || n > 10 || s.wordBefore(start) || end-i != 36 || s.text[i+1:i+3] != "AA" || !random(s.text[i+1:end]) {
		return
	}
	s.add("secret", start, end)
}

// login finds the password of scheme://user:password@host, of 8 characters or more, letters and digits among them.
func (s *scan) login(i int) {
	end := i + 1
	for end < len(s.text) && end-i <= 128 && s.text[end] > ' ' && s.text[end] < 0x7F && strings.IndexByte("@/\"'`<>(){}$", s.text[end]) < 0 {
		end++
	}
	host := s.at(end + 1)
	if s.at(end) != '@' || end-i-1 < 8 || !isLetter(host) && !isDigit(host) && host != '[' || !inURL(s.text[:i]) {
		return
	}
	if body := s.text[i+1 : end]; mixed(body) && random(body) {
		s.add("secret", i+1, end)
	}
}
