package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger/internal/config"
)

// validity is what validate found in one file.
type validity struct {
	File     string          `json:"file"`
	Kind     string          `json:"kind"`
	Valid    bool            `json:"valid"`
	Problems config.Problems `json:"problems"`
}

func (s *session) validate() *cobra.Command {
	return &cobra.Command{
		Use: "validate FILE...", Short: "Check server, rollout and load files, all problems at once",
		Long: `Check files without a server. Which kind a file is shows in its keys. Every
problem is told with its line and column.`,
		Example: "  stagger validate stagger.yaml rollout.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s.running = true
			var found []validity
			for _, file := range args {
				v, err := s.examine(file)
				if err != nil {
					return err
				}
				found = append(found, v)
			}
			return s.showValidity(found)
		},
	}
}

func (s *session) examine(file string) (validity, error) {
	data, err := s.readFile(file)
	if err != nil {
		return validity{}, err
	}
	v := validity{File: file, Kind: kindOf(data), Valid: true, Problems: config.Problems{}}
	switch v.Kind {
	case kindServer:
		_, err = config.ParseServer(file, data)
	case kindLoad:
		_, err = config.ParseLoad(file, data)
	default:
		_, err = config.ParseRollout(file, data)
	}
	if problems, ok := errors.AsType[config.Problems](err); ok {
		v.Valid, v.Problems = false, problems
		return v, nil
	}
	return v, err
}

func (s *session) showValidity(found []validity) error {
	wrong, kind := 0, kindRollout
	for _, v := range found {
		wrong += len(v.Problems)
		if !v.Valid {
			kind = v.Kind
		}
	}
	err := s.show(map[string][]validity{"files": found}, func() error {
		for _, v := range found {
			if err := s.writeValidity(v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || wrong == 0 {
		return err
	}
	return tally(wrong, kind)
}

func (s *session) writeValidity(v validity) error {
	if v.Valid {
		return s.print("%s: a valid %s file\n", v.File, v.Kind)
	}
	for _, p := range v.Problems {
		if err := s.print("%s\n", p); err != nil {
			return err
		}
	}
	return nil
}
