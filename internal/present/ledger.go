package present

import "github.com/stagger-dev/stagger"

// Use says what the answer is on which a level is spent: by a name, and in
// words that follow "the chance of ...". Its tone is that of the answer.
func Use(u stagger.Use) (name, chance string, tone Tone) {
	switch u {
	case stagger.UseRollback:
		return "roll back", "taking back a candidate that is no worse than tolerated", Bad
	case stagger.UseHold:
		return "hold", "suspecting a candidate that is no worse than tolerated", Warn
	case stagger.UseShed:
		return "shed", "cutting off a candidate that is no catastrophe", Bad
	case stagger.UseSplit:
		return "wrong split", "doubting traffic that is split as it should be", Warn
	case stagger.UseHealthy:
		return "healthy", "passing a stage in which the candidate is worse than the margin", Good
	case stagger.UsePlacebo:
		return "placebo", "doubting assumptions that hold", Warn
	case stagger.UsePast:
		return "past", "accusing a baseline that is as it was", Warn
	}
	return words(string(u)), "being wrong about it", Quiet
}
