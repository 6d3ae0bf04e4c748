package s3sync

import "s3sync/internal/fields"

// configVersion is the version of the written form of a Config.
const configVersion = 1

// MarshalJSON writes c without its secrets, functions, stores, transports and
// logger. The reader has to add those again: secrets are the fields with the tag
// secret:"true". Every other field that is not zero is written under its path, so
// that the form does not depend on what [DefaultConfig] returns. Sizes are text
// such as "8MiB", durations text such as "1m0s", times RFC 3339, and regular
// expressions their text, those of the standard library as {"go": text}.
//
// Text that is not valid UTF-8, such as an odd path of the file system, is an
// error, because JSON cannot hold it.
func (c Config) MarshalJSON() ([]byte, error) { return fields.Marshal(&c, configVersion) }

// UnmarshalJSON sets c to what [Config.MarshalJSON] wrote. Fields that are not
// written keep what c has: secrets, functions, stores, transports and the logger.
// Another version and unknown fields are errors. [Config.Validate] checks the
// values.
func (c *Config) UnmarshalJSON(data []byte) error { return fields.Unmarshal(data, c, configVersion) }
