// Package cli is the s3sync command: it runs what package options made of arguments
// and environment, and shows what happens as log, progress and exit code.
//
// Messages of the command itself go to standard error and begin with "s3sync: ";
// they are one line each, without a capital and without a full stop.
package cli
