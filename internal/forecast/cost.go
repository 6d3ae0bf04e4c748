package forecast

import "s3sync/internal/plan"

// Options are what requests depend on.
type Options struct {
	// SourceBucket and TargetBucket: the side is a bucket, whose requests cost something.
	SourceBucket, TargetBucket bool
	// Copy: the server copies.
	Copy bool
	// Threshold and ChunkSize are those of a Config, in bytes.
	Threshold, ChunkSize int64
	Prices               Prices
}

// A Class is a class of requests that have one price.
type Class string

// The classes of requests.
const (
	Writes    Class = "PUT, COPY, POST, LIST"
	Reads     Class = "GET, HEAD and others"
	Deletions Class = "DELETE"
)

// Requests are the requests of one class to one side.
type Requests struct {
	Side     string // "source" or "target"
	Class    Class
	Requests int64
	Dollars  float64
}

// A Cost is what it takes to carry out a plan.
type Cost struct {
	Requests []Requests
	// RequestDollars is the price of all requests.
	RequestDollars float64
	// Read are the bytes that are read from the bucket of the source, and ReadDollars what
	// that costs if they leave AWS.
	Read        int64
	ReadDollars float64
	// Stored is by how many bytes the target grows, or shrinks. StoredDollars is the price of
	// that for a month.
	Stored        int64
	StoredDollars float64
}

// maxCopy is how many bytes a server copies at once, and maxParts how many parts an object
// has at most: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
const (
	maxCopy     = 5 << 30
	maxParts    = 10_000
	deleteBatch = 1000
)

// A cost counts requests. Requests that fail and are made again are not known.
type cost struct {
	o                                      Options
	sourceReads, targetReads, targetWrites int64
	deleted                                int64
	read, stored                           int64
}

func (c *cost) add(a *plan.Action) {
	c.targetReads++ // each target is looked at before it is changed
	switch a.Kind {
	case plan.Transfer:
		c.stored += a.Source.Size
		if a.Exists {
			c.stored -= a.Target.Size
		}
		c.transfer(a.Source.Size)
	case plan.Delete:
		c.stored -= a.Target.Size
		c.deleted++
		c.sourceReads++ // whether the source has it now
	case plan.Tag:
		c.sourceReads++
		c.targetReads++
		c.targetWrites++
	default:
	}
}

func (c *cost) transfer(size int64) {
	if c.o.Copy {
		c.sourceReads++
		if size <= maxCopy {
			c.targetReads++ // a copy at once is looked at twice
		}
		c.targetWrites += written(size, maxCopy+1, maxCopy)
		return
	}
	c.read += size
	c.sourceReads += max(1, parts(size, c.o.Threshold, c.o.ChunkSize))
	c.targetWrites += written(size, c.o.Threshold, c.o.ChunkSize)
}

// written returns how many requests write an object.
func written(size, threshold, chunk int64) int64 {
	if n := parts(size, threshold, chunk); n > 0 {
		return n + 2 // the beginning and the end
	}
	return 1
}

// parts returns the number of parts of an object, or 0 if it has none.
func parts(size, threshold, chunk int64) int64 {
	if size < threshold || size == 0 || chunk <= 0 {
		return 0
	}
	return min((size+chunk-1)/chunk, maxParts)
}

// Cost returns what the actions cost.
func (s *Summary) Cost() Cost {
	c, p := &s.cost, &s.cost.o.Prices
	var sum Cost
	add := func(bucket bool, side string, class Class, n int64, per1000 float64) {
		if bucket && n > 0 {
			r := Requests{side, class, n, float64(n) / 1000 * per1000}
			sum.Requests = append(sum.Requests, r)
			sum.RequestDollars += r.Dollars
		}
	}
	add(c.o.SourceBucket, "source", Reads, c.sourceReads, p.Reads)
	add(c.o.TargetBucket, "target", Reads, c.targetReads, p.Reads)
	add(c.o.TargetBucket, "target", Writes, c.targetWrites, p.Writes)
	add(c.o.TargetBucket, "target", Deletions, (c.deleted+deleteBatch-1)/deleteBatch, p.Deletions)
	const gib = 1 << 30
	if c.o.SourceBucket {
		sum.Read, sum.ReadDollars = c.read, float64(c.read)/gib*p.TransferOut
	}
	if c.o.TargetBucket {
		sum.Stored, sum.StoredDollars = c.stored, float64(c.stored)/gib*p.Storage
	}
	return sum
}
