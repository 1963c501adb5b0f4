package mirror

// Reason is why a request that was chosen was not mirrored.
type Reason int

// The reasons.
const (
	Busy       Reason = iota // the baseline has much to do
	Unready                  // the candidate has no healthy endpoint
	Memory                   // too many bytes are held
	Large                    // its body is too long, or of no known length
	Stream                   // its answer is a stream, or took very long
	Unanswered               // the user got no whole answer to compare with
	Queue                    // too many copies wait
	Ended                    // the split mirrors nothing any more
	Long                     // an answer is too long to compare
	Unusual                  // it cannot be made anew
	Full                     // a version takes no more requests
	reasons
)

var reasonNames = [reasons]string{
	"busy", "unready", "memory", "large_request", "stream", "unanswered", "queue", "ended", "large_answer", "unusual", "full",
}

// String is what metrics call it.
func (r Reason) String() string { return reasonNames[r] }
