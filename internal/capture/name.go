package capture

import (
	"slices"
	"strings"
	"unicode"
)

// personal are words that, in the name of a value, say that it is a secret or
// tells who somebody is.
var personal = wordSet(`
	password passwd passphrase passcode pwd pass secret token auth authorization authentication oauth session sid
	key credential credentials private signature sig hmac otp totp mfa pin cvv cvc card pan iban bic account ssn tin
	passport licence license email mail phone mobile telephone tel fax address street zip postcode postal birth
	birthday birthdate dob name surname login user csrf xsrf jwt bearer cookie nonce salt code state assertion saml
	ticket ip lat lng lon latitude longitude gender salary tax owner customer recipient contact`)

// stems are parts of such words that say so wherever they stand.
var stems = []string{
	"passw", "secret", "token", "apikey", "credential", "session", "authoriz", "authent", "cookie", "email", "phone", "iban",
	"creditcard", "cardnum", "cvv", "birth", "signature", "private", "username", "userid", "firstname", "lastname", "surname", "csrf", "xsrf", "jwt",
}

// leading are words in a path that say so of what follows them.
var leading = wordSet("token password secret reset invite verify confirm magic unsubscribe apikey key session auth oauth")

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

// isPersonal says whether a value of this name is masked.
func isPersonal(name string) bool {
	all := words(name)
	joined := strings.Join(all, "")
	return slices.ContainsFunc(all, func(word string) bool { return personal[strings.TrimSuffix(word, "s")] || personal[word] }) ||
		slices.ContainsFunc(stems, func(stem string) bool { return strings.Contains(joined, stem) })
}

// words takes a name apart, as it is written with capitals, dashes, underlines,
// brackets or dots, in lower case.
func words(name string) []string {
	var all []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			all = append(all, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			end()
			continue
		}
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			end()
		}
		if unicode.IsDigit(r) && i > 0 && unicode.IsLetter(runes[i-1]) {
			end()
		}
		word = append(word, r)
	}
	end()
	return all
}
