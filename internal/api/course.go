package api

import (
	"context"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagger-dev/stagger"
)

// Courses is what the API reads of how a rollout went.
type Courses interface {
	Course(ctx context.Context, rollout string) (stagger.Course, error)
	Distribution(ctx context.Context, rollout string) (stagger.Distribution, error)
}

func (s *server) registerCourses(api huma.API) {
	read(s, api, "/rollouts/{id}/course", "get-course", "How both versions did over the life of a rollout, also of one that is over", func(ctx context.Context, in *ByID) (stagger.Course, error) {
		return s.Store.Course(ctx, in.ID)
	})
	read(s, api, "/rollouts/{id}/distribution", "get-distribution", "How long the requests of both versions took, in the stage and in the whole rollout, also of one that is over", func(ctx context.Context, in *ByID) (stagger.Distribution, error) {
		return s.Store.Distribution(ctx, in.ID)
	})
}

func registerSeries(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[stagger.Series](), reflect.TypeFor[seriesSchema]())
}

type seriesSchema struct{}

// Schema describes a stagger.Series.
func (seriesSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeNumber, Nullable: true},
		Description: "Numbers in order of time, null where one is not known.",
	}
}
