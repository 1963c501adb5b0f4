package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
)

// validity is what validate found in one file.
type validity struct {
	File     string    `json:"file"`
	Kind     string    `json:"kind"`
	Valid    bool      `json:"valid"`
	Problems []Problem `json:"problems"`
}

func (s *session) validate() *cobra.Command {
	return &cobra.Command{
		Use: "validate FILE...", Short: "Check server and rollout files, all problems at once",
		Long: `Check files without a server. Which kind a file is shows in its keys. Every
problem is told with its line and column.`,
		Example: "  stagger validate stagger.yaml rollout.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s.running = true
			if s.faces.Grammar == nil {
				return missing("the grammar of files")
			}
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
	v := validity{File: file, Kind: kindOf(data), Valid: true, Problems: []Problem{}}
	if v.Kind == kindServer {
		err = s.faces.Grammar.CheckServer(file, data)
	} else {
		_, err = s.faces.Grammar.ParseRollout(file, data)
	}
	if err == nil {
		return v, nil
	}
	v.Valid = false
	if problems, ok := errors.AsType[Problems](err); ok {
		v.Problems = problems.Problems()
		return v, nil
	}
	if stagger.CodeOf(err) == stagger.CodeInvalid {
		v.Problems = append(v.Problems, Problem{File: file, Message: err.Error()})
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
