package forecast

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Prices are a price list, in dollars.
type Prices struct {
	// Name says whose prices they are, Date of when, and Source where they come from.
	Name   string `json:"name"`
	Date   string `json:"date"`
	Source string `json:"source"`
	// Writes, Reads and Deletions are prices of 1,000 requests.
	Writes    float64 `json:"writes_per_1000"`
	Reads     float64 `json:"reads_per_1000"`
	Deletions float64 `json:"deletions_per_1000"`
	// TransferOut is the price of a GiB that leaves the provider, and Storage that of a GiB
	// for a month.
	TransferOut float64 `json:"transfer_out_per_gib"`
	Storage     float64 `json:"storage_per_gib_month"`
}

// ListPrices are those of S3 Standard in us-east-1: requests, the first 50 TB of storage,
// and the first 10 TB that leave AWS in a month.
func ListPrices() Prices {
	return Prices{
		Name: "list prices of AWS, S3 Standard in us-east-1", Date: "2025", Source: "https://aws.amazon.com/s3/pricing/",
		Writes: 0.005, Reads: 0.0004, TransferOut: 0.09, Storage: 0.023,
	}
}

// maxPrices bounds a price list in bytes.
const maxPrices = 1 << 20

// ReadPrices reads a price list in JSON. A price that it does not have is zero.
func ReadPrices(r io.Reader) (Prices, error) {
	var p Prices
	d := json.NewDecoder(io.LimitReader(r, maxPrices))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, fmt.Errorf("it is no price list: %w", err)
	}
	if d.More() {
		return p, errors.New("it is no price list: something follows the JSON object")
	}
	if p.Name == "" {
		return p, errors.New(`it has no "name", which is shown beside the prices`)
	}
	for _, price := range []float64{p.Writes, p.Reads, p.Deletions, p.TransferOut, p.Storage} {
		if price < 0 {
			return p, fmt.Errorf("it has a negative price: %v", price)
		}
	}
	return p, nil
}
