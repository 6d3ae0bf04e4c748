// Package cli is the s3sync command. It runs the configuration that package options
// makes of the arguments and the environment, and reports the run as log, progress and
// exit code.
//
// Messages of the command itself go to standard error and begin with "s3sync: ";
// they are one line each, without a capital and without a full stop.
package cli
