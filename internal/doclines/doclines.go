// Package doclines finds the command lines in the pages of the repository, so that tests can
// parse each of them with the real table of options.
package doclines

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// A Line is a line of a page that calls a program.
type Line struct {
	Program string
	Page    string
	Number  int // in the page
	Block   int // the line in which the block begins; 0 outside of blocks
	Args    []string
	Mark    string // the comment before the block
}

func (l Line) String() string {
	return fmt.Sprintf("%s:%d: %s %s", l.Page, l.Number, l.Program, strings.Join(l.Args, " "))
}

var (
	fence     = regexp.MustCompile("^ *```(\\w*)")
	comment   = regexp.MustCompile(`^<!-- (.*) -->$`)
	span      = regexp.MustCompile("`(s3sync[a-z-]* [^`]+)`")
	arguments = regexp.MustCompile(`^\s*args: (\[.*\])$`)
	// leading is what may stand before a command: a prompt, the fields of a crontab, the
	// key of a unit of systemd, variables, and programs that run others.
	leading = regexp.MustCompile(`^(\$ |([\d*/,-]+ ){5}(\w+ )?|Exec\w+=|\w+=('[^']*'|"[^"]*"|\S*) |(sudo|time|nohup|exec|nice|flock -n \S+) )+`)
)

// Of returns the lines of a page that call a program, in order. A page is Markdown. What is
// in args: of YAML is a call of s3sync.
func Of(program, page, text string) (lines []Line) {
	all := strings.Split(text, "\n")
	block, mark := 0, ""
	for i := 0; i < len(all); i++ {
		l := Line{Page: page, Number: i + 1, Block: block, Mark: mark, Program: program}
		if fence.MatchString(all[i]) {
			if block > 0 {
				block, mark = 0, ""
			} else {
				block = i + 1
			}
			continue
		}
		if block == 0 {
			if m := comment.FindStringSubmatch(all[i]); m != nil {
				mark = m[1]
			} else if all[i] != "" {
				mark = ""
			}
			for _, m := range span.FindAllStringSubmatch(all[i], -1) {
				lines = append(lines, l.commands(m[1])...)
			}
			continue
		}
		if page == "errors.md" {
			continue // its blocks hold texts of errors, which may begin with a command
		}
		line := all[i]
		for strings.HasSuffix(line, `\`) && i+1 < len(all) {
			i++
			line = strings.TrimSuffix(line, `\`) + strings.TrimSpace(all[i])
		}
		if m := arguments.FindStringSubmatch(line); m != nil && program == "s3sync" && json.Unmarshal([]byte(m[1]), &l.Args) == nil {
			lines = append(lines, l)
			continue
		}
		lines = append(lines, l.commands(line)...)
	}
	return lines
}

// commands returns the calls of the program in a line of the shell.
func (l Line) commands(line string) (lines []Line) {
	for _, words := range shellWords(leading.ReplaceAllString(strings.TrimSpace(line), "")) {
		for len(words) > 0 && leading.MatchString(words[0]+" ") {
			words = words[1:]
		}
		if len(words) > 1 && path.Base(words[0]) == l.Program {
			l.Args = words[1:]
			lines = append(lines, l)
		}
	}
	return lines
}

// shellWords splits a line into commands and their words, as far as pages need it: quotes,
// comments, redirections, and what stands between two commands.
func shellWords(line string) (commands [][]string) {
	var words []string
	var word strings.Builder
	begun, skip := false, false
	quote := rune(0)
	end := func() {
		if begun && !skip {
			words = append(words, word.String())
		}
		skip = skip && !begun
		begun = false
		word.Reset()
	}
	next := func() {
		end()
		commands = append(commands, words)
		words, skip = nil, false
	}
	for i, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case quote != 0:
			word.WriteRune(r)
		case r == ' ':
			end()
		case r == '#' && !begun:
			next()
			return commands
		case strings.ContainsRune("|;&()", r):
			next()
		case r == '>' || r == '<':
			if i > 0 && strings.ContainsRune("012", rune(line[i-1])) {
				begun = false // the number of the stream
				word.Reset()
			}
			end()
			skip = true
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	next()
	return commands
}
