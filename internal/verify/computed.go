package verify

import "s3sync/internal/checksum"

// Computed returns the digests of all bytes that were computed for either side. It is called
// after CheckTarget has succeeded.
func (p *Verification) Computed() []checksum.Computed {
	all := make([]checksum.Computed, 0, 2)
	for _, d := range []*digests{&p.target, &p.source} {
		for _, etag := range d.etags {
			if value, err := etag.Sum(); err == nil {
				all = append(all, checksum.Computed{Form: checksum.Form{Layout: etag.Layout()}, Value: value})
			}
		}
		for _, sum := range d.sums {
			if value, err := sum.Value(); err == nil {
				all = append(all, checksum.Computed{
					Algorithm: sum.Algorithm(), Form: checksum.Form{Layout: sum.Layout(), Type: sum.Type()}, Value: value,
				})
			}
		}
	}
	return all
}
