// Text, digests and keys: what everything else stands on. Nothing but Go's standard library.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
)

// A fault ends the step in which it is found.
type fault string

func must(ok bool, why string) {
	if !ok {
		panic(fault(why))
	}
}

// try runs check and gives what is wrong, or "".
func try(check func()) (why string) {
	defer func() {
		switch found := recover().(type) {
		case nil:
		case fault:
			why = string(found)
		default:
			panic(found)
		}
	}()
	check()
	return ""
}

// decode reads canonical JSON: what does not equal its own encoding is refused.
func decode(data string) any {
	reader := json.NewDecoder(bytes.NewReader([]byte(data)))
	reader.UseNumber()
	var value any
	must(reader.Decode(&value) == nil, "not JSON")
	must(string(encode(nil, value, 0)) == data, "not canonical")
	return value
}

// encode appends the canonical bytes of value: RFC 8785 without fractions, keys in ASCII, at most 32 deep.
func encode(to []byte, value any, depth int) []byte {
	switch v := value.(type) {
	case nil:
		return append(to, "null"...)
	case bool:
		return strconv.AppendBool(to, v)
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		must(err == nil && -1<<53 < n && n < 1<<53, "number")
		return strconv.AppendInt(to, n, 10)
	case string:
		return quote(to, v)
	case []any:
		must(depth < 32, "too deep")
		to = append(to, '[')
		for k, inner := range v {
			if k > 0 {
				to = append(to, ',')
			}
			to = encode(to, inner, depth+1)
		}
		return append(to, ']')
	}
	must(depth < 32, "too deep")
	to = append(to, '{')
	for k, key := range sorted(value.(map[string]any)) {
		must(!slices.ContainsFunc([]byte(key), func(b byte) bool { return b > 127 }), "key")
		if k > 0 {
			to = append(to, ',')
		}
		to = encode(append(quote(to, key), ':'), value.(map[string]any)[key], depth+1)
	}
	return append(to, '}')
}

func quote(to []byte, text string) []byte {
	short := map[byte]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`}
	to = append(to, '"')
	for k := 0; k < len(text); k++ {
		if escape, ok := short[text[k]]; ok {
			to = append(to, escape...)
		} else if text[k] < 32 {
			to = fmt.Appendf(to, `\u%04x`, text[k])
		} else {
			to = append(to, text[k])
		}
	}
	return append(to, '"')
}

func sorted[V any](of map[string]V) []string {
	keys := []string{}
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func text(v any) string           { s, ok := v.(string); must(ok, "not text"); return s }
func list(v any) []any            { l, ok := v.([]any); must(ok, "not a list"); return l }
func object(v any) map[string]any { o, ok := v.(map[string]any); must(ok, "not an object"); return o }
func number(v any) int64 {
	n, ok := v.(json.Number)
	must(ok, "not a number")
	whole, err := n.Int64()
	must(err == nil, "not a number")
	return whole
}

// fields is v as an object with exactly these fields.
func fields(v any, names ...string) map[string]any {
	o := object(v)
	must(len(o) == len(names), "fields")
	for _, name := range names {
		_, ok := o[name]
		must(ok, "field "+name)
	}
	return o
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// unb64 reads the one spelling of base64url without padding; length < 0: any.
func unb64(text string, length int) []byte {
	data, err := base64.RawURLEncoding.DecodeString(text)
	must(err == nil && b64(data) == text && (length < 0 || len(data) == length), "base64url")
	return data
}

// name is v if it is the base64url of so many bytes; nameOrNull gives "" for null.
func name(v any, length int) string { unb64(text(v), length); return text(v) }
func nameOrNull(v any) string {
	if v == nil {
		return ""
	}
	return name(v, 32)
}

func digest(domain string, parts ...[]byte) string {
	sum := sha256.Sum256(append([]byte(domain+"\x00"), bytes.Join(parts, nil)...))
	return b64(sum[:])
}

// signed tells whether key has signed the event; small-order halves fit more than they should and are refused.
func signed(key, event string, signature []byte) bool {
	if len(signature) != 64 || !sound(key) || bytes.Equal(signature[:32], append([]byte{1}, make([]byte, 31)...)) {
		return false
	}
	return ed25519.Verify(unb64(key, 32), append([]byte("evt-sig/1\x00"), unb64(event, 32)...), signature)
}

// ---- edwards25519 (RFC 8032, 5.1), slow and plain

var (
	field = sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	order = add(new(big.Int).Lsh(big.NewInt(1), 252), whole("27742317777372353535851937790883648493"))
	curve = mod(mul(big.NewInt(-121665), inverse(big.NewInt(121666))))
	known = map[string]bool{}
)

func add(a, b *big.Int) *big.Int    { return new(big.Int).Add(a, b) }
func sub(a, b *big.Int) *big.Int    { return new(big.Int).Sub(a, b) }
func mul(a, b *big.Int) *big.Int    { return new(big.Int).Mul(a, b) }
func mod(a *big.Int) *big.Int       { return new(big.Int).Mod(a, field) }
func inverse(a *big.Int) *big.Int   { return new(big.Int).ModInverse(mod(a), field) }
func whole(decimal string) *big.Int { n, _ := new(big.Int).SetString(decimal, 10); return n }

// sound tells whether key is a canonical point of the prime-order group, and not the neutral one.
func sound(key string) bool {
	if result, ok := known[key]; ok {
		return result
	}
	result := try(func() { inGroup(slices.Clone(unb64(key, 32))) }) == ""
	known[key] = result
	return result
}

func inGroup(data []byte) {
	sign := uint(data[31] >> 7)
	data[31] &= 127
	slices.Reverse(data)
	one, y := big.NewInt(1), new(big.Int).SetBytes(data)
	must(y.Cmp(field) < 0, "not canonical")
	square := mod(mul(sub(mul(y, y), one), inverse(add(mul(curve, mul(y, y)), one))))
	x := new(big.Int).ModSqrt(square, field)
	must(x != nil, "not on the curve")
	if x.Bit(0) != sign {
		x = mod(sub(field, x))
	}
	must(x.Sign() != 0, "small order")
	rx, ry := big.NewInt(0), big.NewInt(1)
	for k := order.BitLen() - 1; k >= 0; k-- {
		if rx, ry = sum(rx, ry, rx, ry); order.Bit(k) == 1 {
			rx, ry = sum(rx, ry, x, y)
		}
	}
	must(rx.Sign() == 0 && ry.Cmp(one) == 0, "not in the group")
}

func sum(x1, y1, x2, y2 *big.Int) (*big.Int, *big.Int) {
	one, k := big.NewInt(1), mod(mul(curve, mul(mul(x1, x2), mul(y1, y2))))
	x := mul(add(mul(x1, y2), mul(y1, x2)), inverse(add(one, k)))
	y := mul(add(mul(y1, y2), mul(x1, x2)), inverse(sub(one, k)))
	return mod(x), mod(y)
}
