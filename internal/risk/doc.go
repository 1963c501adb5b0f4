// Package risk forecasts what a plan can see: for each stage, how long a given
// harm takes to be suspected and rolled back, how many meet it until then, and
// how long a healthy candidate takes to be proved so.
//
// It answers twice. A formula divides the evidence that the judge asks for by
// the information that a request brings. A simulation lets the judge itself
// watch many lives of the stage, drawn from the baseline's own histogram. Where
// they differ, the simulation is right: it knows blips, batches and all signals.
//
// Chance is drawn from a seed, so a forecast is the same whenever it is made.
package risk
