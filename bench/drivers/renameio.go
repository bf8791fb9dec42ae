// SPDX-License-Identifier: BSL-1.0
// Go renameio as its documentation says, speaking with bench/driver.cpp. It syncs the file before
// the rename and never the directory.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

type attempt struct {
	Started int64   `json:"started"`
	Seconds float64 `json:"seconds"`
	Failed  bool    `json:"failed"`
}

type record struct {
	ID       uint64    `json:"id"`
	Name     string    `json:"name"`
	Owner    string    `json:"owner"`
	Attempts int       `json:"attempts"`
	Load     float64   `json:"load"`
	Active   bool      `json:"active"`
	Tags     []string  `json:"tags"`
	History  []attempt `json:"history"`
}

type state struct {
	NextID  uint64   `json:"next_id"`
	Records []record `json:"records"`
}

func makeState(records int) *state {
	made := &state{NextID: uint64(records)}
	for i := 0; i < records; i++ {
		made.Records = append(made.Records, record{
			ID: uint64(i) * 11400714819323198485, Name: fmt.Sprintf("build-%d", i),
			Owner: fmt.Sprintf("Jürgen \"the builder\" M%d", i%1000), Attempts: i % 10,
			Load: float64(i%1000003) / 1000.003, Active: i%2 == 0, Tags: []string{"nightly"},
			History: []attempt{{int64(i) * 7919 % 2000000000, float64(i%100000) / 1000, i%2 == 0}}})
	}
	return made
}

var contents = map[int][]byte{}
var states = map[int]*state{}

func content(size int) []byte {
	if _, there := contents[size]; !there {
		contents[size] = make([]byte, size)
		if _, err := rand.Read(contents[size]); err != nil {
			panic(err)
		}
	}
	return contents[size]
}

func saveState(records int) error {
	if _, there := states[records]; !there {
		states[records] = makeState(records)
	}
	states[records].NextID++
	text, err := json.MarshalIndent(states[records], "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(fmt.Sprintf("state-%d.json", records), text, 0o644)
}

func loadState(records int) error {
	text, err := os.ReadFile(fmt.Sprintf("state-%d.json", records))
	if err != nil {
		return err
	}
	loaded := state{}
	if err := json.Unmarshal(text, &loaded); err != nil {
		return err
	}
	if len(loaded.Records) != records {
		return fmt.Errorf("%d records", len(loaded.Records))
	}
	return nil
}

// answer does what a line asks for and says how long that took.
func answer(words []string) (time.Duration, error) {
	number := func(i int) int {
		value, err := strconv.Atoi(words[i])
		if err != nil {
			panic(err)
		}
		return value
	}
	task := func() error { return fmt.Errorf("what?") }
	switch words[0] {
	case "save":
		bytes := content(number(2))
		task = func() error { return renameio.WriteFile(words[1], bytes, 0o644) }
	case "many":
		bytes, count := content(number(3)), number(2)
		task = func() error {
			for i := 0; i < count; i++ {
				if err := renameio.WriteFile(words[1]+strconv.Itoa(i), bytes, 0o644); err != nil {
					return err
				}
			}
			return nil
		}
	case "state":
		if _, there := states[number(1)]; !there {
			states[number(1)] = makeState(number(1))
		}
		task = func() error { return saveState(number(1)) }
	case "load":
		if _, err := os.Stat(fmt.Sprintf("state-%d.json", number(1))); err != nil {
			if err := saveState(number(1)); err != nil {
				return 0, err
			}
		}
		task = func() error { return loadState(number(1)) }
	}
	begin := time.Now()
	err := task()
	return time.Since(begin), err
}

func main() {
	fmt.Println("renameio ordered Go: renameio.WriteFile, json.MarshalIndent; no directory sync")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		took, err := answer(strings.Fields(lines.Text()))
		if err != nil {
			fmt.Println("no", err)
		} else {
			fmt.Println(took.Nanoseconds())
		}
	}
}
