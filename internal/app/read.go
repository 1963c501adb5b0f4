package app

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// The most that is read of a file, in bytes. The reader of the configuration
// refuses less; this only bounds the memory.
const (
	maxConfig = 16 << 20
	maxToken  = 4 << 10
)

// shortestToken is how many characters a token needs at least, so that nobody
// guesses it.
const shortestToken = 16

// Read reads the configuration file, and the token from where the file says it
// is. The error of a file with problems is config.Problems.
func Read(file string) (config.Server, error) {
	data, err := readFile(file, maxConfig)
	if err != nil {
		return config.Server{}, invalid("read the configuration: %v", err)
	}
	server, err := config.ParseServer(file, data)
	if err != nil {
		return config.Server{}, err
	}
	if server.Admin.Token, err = token(server.Admin); err != nil {
		return config.Server{}, err
	}
	return server, nil
}

// token fetches the token of the admin port, "" when it has none.
func token(a config.Admin) (string, error) {
	var value, where string
	switch {
	case a.TokenFile != "":
		data, err := readFile(a.TokenFile, maxToken)
		if err != nil {
			return "", invalid("read admin.token_file: %v", err)
		}
		value, where = strings.TrimSpace(string(data)), "the file "+a.TokenFile
	case a.TokenEnv != "":
		value, where = os.Getenv(a.TokenEnv), "the environment variable "+a.TokenEnv
	default:
		return "", nil
	}
	if len(value) < shortestToken {
		return "", invalid("%s holds a token of %d characters; write at least %d", where, len(value), shortestToken)
	}
	return value, nil
}

func readFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", name, most)
	}
	return data, nil
}

func invalid(format string, values ...any) error {
	return &stagger.Error{Code: stagger.CodeInvalid, Message: fmt.Sprintf(format, values...)}
}
