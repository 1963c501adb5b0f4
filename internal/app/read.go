package app

import (
	"fmt"
	"io"
	"os"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// maxConfig is the most that is read of the file, in bytes. The reader of the
// configuration refuses less; this only bounds the memory.
const maxConfig = 16 << 20

// Read reads the configuration file, and the secrets from where the file says
// they are. The error of a file with problems is config.Problems.
func Read(file string) (config.Server, error) {
	data, err := readFile(file, maxConfig)
	if err != nil {
		return config.Server{}, invalid("read the configuration: %v", err)
	}
	server, err := config.ParseServer(file, data)
	if err != nil {
		return config.Server{}, err
	}
	if err := secrets(&server.Admin); err != nil {
		return config.Server{}, err
	}
	return server, nil
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
