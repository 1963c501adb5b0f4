package present

import "github.com/stagger-dev/stagger"

// Judgement returns the sign of what people made of a rollout.
func Judgement(j stagger.Judgement) Sign {
	switch j {
	case stagger.JudgementFalseAlarm:
		return Sign{"⚐", "false alarm", Warn}
	case stagger.JudgementTrueAlarm:
		return Sign{"⚑", "true alarm", Good}
	case stagger.JudgementMissed:
		return Sign{"▽", "harm that was missed", Bad}
	}
	return Sign{"…", words(string(j)), Quiet}
}

// Meaning says what a judgement means to somebody who has to choose one.
func Meaning(j stagger.Judgement) string {
	switch j {
	case stagger.JudgementFalseAlarm:
		return "it was stopped, or held, for no fault of the candidate"
	case stagger.JudgementTrueAlarm:
		return "the candidate was at fault, and that was seen"
	case stagger.JudgementMissed:
		return "the candidate was at fault, and that was not seen in time"
	}
	return ""
}
