module s3sync

go 1.26
