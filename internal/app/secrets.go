package app

import (
	"fmt"
	"os"
	"strings"

	"github.com/stagger-dev/stagger/internal/config"
)

// maxToken is the most that is read of a secret, in bytes.
const maxToken = 4 << 10

// shortestToken is how many characters a token needs at least, so that nobody
// guesses it.
const shortestToken = 16

// secrets fetches what must not stand in the configuration itself.
func secrets(a *config.Admin) (err error) {
	if a.Token, err = token("admin.token_file", a.TokenFile, a.TokenEnv); err != nil {
		return err
	}
	owners := map[string]string{a.Token: tokenName}
	for i := range a.Tokens {
		t := &a.Tokens[i]
		if t.Secret, err = token(fmt.Sprintf("admin.tokens[%d].file", i), t.File, t.Env); err != nil {
			return err
		}
		// Nobody could say who it is that shows it.
		if other, twice := owners[t.Secret]; twice {
			return invalid("admin.tokens[%d]: the token of %s is that of %s too; give each its own", i, t.Name, other)
		}
		owners[t.Secret] = t.Name
	}
	if o := a.OIDC; o != nil {
		if o.ClientSecret, _, err = secret("admin.oidc.client_secret_file", o.SecretFile, o.SecretEnv); err != nil {
			return err
		}
	}
	return nil
}

// token fetches a token, "" when there is none.
func token(key, file, env string) (string, error) {
	value, where, err := secret(key, file, env)
	if err == nil && where != "" && len(value) < shortestToken {
		return "", invalid("%s holds a token of %d characters; write at least %d", where, len(value), shortestToken)
	}
	return value, err
}

// secret fetches what a file or an environment variable holds, and says where
// that was; both are empty when neither is named.
func secret(key, file, env string) (value, where string, err error) {
	switch {
	case file != "":
		data, err := readFile(file, maxToken)
		if err != nil {
			return "", "", invalid("read %s: %v", key, err)
		}
		value, where = strings.TrimSpace(string(data)), "the file "+file
	case env != "":
		value, where = os.Getenv(env), "the environment variable "+env
	default:
		return "", "", nil
	}
	if value == "" {
		return "", "", invalid("%s holds nothing; write the secret there", where)
	}
	return value, where, nil
}
