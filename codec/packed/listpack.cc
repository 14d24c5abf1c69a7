// Layout: docs/formats/packed.md.
#include "codec/packed/listpack.h"

#include <cstring>
#include <limits>

#include "codec/number_text.h"

namespace thermocline::codec {

using namespace listpack_format;  // NOLINT(google-build-using-namespace): this file's own constants

namespace {

constexpr size_t kMaxBacklenSize = 5;

// The length bytes are in reverse: the last one is read first and carries the low seven bits; all
// but the one read last have the high bit set.
char* StoreBacklen(char* out, size_t n) {
  const size_t size = BacklenSize(n);
  for (size_t i = 0; i < size; ++i) {
    const size_t shift = 7 * (size - 1 - i);
    out[i] = static_cast<char>((n >> shift & 0x7f) | (i == 0 ? 0 : 0x80));
  }
  return out + size;
}

// Reads backwards from `last`. False: more bytes than any element has. At most five bytes are read,
// which lie inside a listpack that has at least one element.
bool LoadBacklen(const char* last, size_t* n) {
  size_t value = 0;
  for (size_t i = 0; i < kMaxBacklenSize; ++i) {
    const auto byte = static_cast<uint8_t>(*(last - i));
    value |= size_t{byte & 0x7fU} << (7 * i);
    if ((byte & 0x80) == 0) {
      *n = value;
      return true;
    }
  }
  return false;
}

// Bytes of an element's head, the part that tells its size; 0 for what is no head.
size_t HeadSize(uint8_t head) {
  if (head < 0xc0) return 1;
  if (head < 0xf0) return 2;
  if (head == kText32) return 5;
  return head <= kInt64 ? 1 : 0;
}

template <class Layout>
void StoreListpackHeader(char* start, size_t bytes, size_t count) {
  if constexpr (Layout::kBackwards) StoreFixed32(start, static_cast<uint32_t>(bytes));
  StoreFixed16(start + Layout::kCountAt,
               count < kCountUnknown ? static_cast<uint16_t>(count) : kCountUnknown);
}

// After an edit: the new size, and the count if it is known.
template <class Layout>
void UpdateHeader(char* start, size_t bytes, size_t added, size_t removed) {
  const size_t count = LoadFixed16(start + Layout::kCountAt);
  StoreListpackHeader<Layout>(start, bytes,
                              count == kCountUnknown ? count : count + added - removed);
}

std::string MakeListpack(std::string_view elements, size_t count) {
  std::string out;
  out.reserve(TwoWay::kHeaderSize + elements.size() + 1);
  out.resize(TwoWay::kHeaderSize);
  out.append(elements);
  out.push_back(static_cast<char>(kEnd));
  StoreListpackHeader<TwoWay>(out.data(), out.size(), count);
  return out;
}

std::string_view Elements(ListpackView listpack) {
  return listpack.bytes().substr(TwoWay::kHeaderSize,
                                 listpack.byte_size() - TwoWay::kHeaderSize - 1);
}

void InsertAll(ByteStore& store, size_t at, ListpackView from) {
  const std::string_view elements = Elements(from);
  const size_t total = store.bytes().size() + elements.size();
  char* const gap = store.Splice(at, 0, elements.size());
  std::memcpy(gap, elements.data(), elements.size());
  char* const start = gap - at;
  const size_t count = LoadFixed16(start + TwoWay::kCountAt);
  const size_t more = LoadFixed16(from.bytes().data() + TwoWay::kCountAt);
  // An unknown count is contagious, even if the sum could be found by a walk.
  StoreListpackHeader<TwoWay>(
      start, total, count == kCountUnknown || more == kCountUnknown ? kCountUnknown : count + more);
}

}  // namespace

// --- reading ---

template <class Layout>
size_t BasicListpackView<Layout>::Before(size_t offset) const {
  if (offset <= Layout::kHeaderSize) return kNone;
  size_t n = 0;
  LoadBacklen(bytes_.data() + offset - 1, &n);
  return offset - n - BacklenSize(n);
}

template <class Layout>
size_t BasicListpackView<Layout>::CountByWalk() const {
  size_t count = 0;
  for (size_t at = First(); at != kNone; at = Next(at)) ++count;
  return count;
}

template <class Layout>
size_t BasicListpackView<Layout>::Seek(int64_t index) const {
  const size_t known = LoadFixed16(bytes_.data() + Layout::kCountAt);
  if constexpr (Layout::kBackwards) {
    bool forward = index >= 0;
    if (known != kCountUnknown) {
      const auto count = static_cast<int64_t>(known);
      if (index < 0) index += count;
      if (index < 0 || index >= count) return kNone;
      forward = index < count / 2;
      if (!forward) index -= count;
    }
    if (!forward) {
      size_t at = Last();
      for (; index < -1 && at != kNone; ++index) at = Prev(at);
      return at;
    }
  } else if (known != kCountUnknown && index >= static_cast<int64_t>(known)) {
    return kNone;
  }
  size_t at = First();
  for (; index > 0 && at != kNone; --index) at = Next(at);
  return at;
}

template <class Layout>
bool BasicListpackView<Layout>::Equals(size_t offset, std::string_view text) const {
  const PackedValue value = At(offset);
  if (!value.is_int) return value.text == text;
  int64_t number = 0;
  return ParseInt64(text, &number) && number == value.number;
}

template <class Layout>
size_t BasicListpackView<Layout>::Find(size_t from, std::string_view text, size_t stride) const {
  if (from == kNone) return kNone;
  int64_t number = 0;
  const bool is_int = ParseInt64(text, &number);
  // Text that looks like a number is possible in bytes from elsewhere, so text is compared even
  // if a number is looked for.
  const auto is_text = [text](const char* data, size_t size) {
    return size == text.size() && std::memcmp(data, text.data(), size) == 0;
  };
  const uint16_t name = names_ != nullptr ? names_->Find(text) : FieldNames::kNone;
  const char* p = bytes_.data() + from;
  for (size_t skip = 0; static_cast<uint8_t>(*p) != kEnd;) {
    const auto head = static_cast<uint8_t>(*p);
    const bool compare = skip == 0;
    skip = (compare ? stride : skip) - 1;
    // Short text and small numbers are nearly all there is: their size needs no second look.
    if (head < 0xc0) {
      const size_t size = head < 0x80 ? 0 : head & 0x3fU;
      if (compare && (head < 0x80 ? is_int && number == head : is_text(p + 1, size))) break;
      p += size + 1 + Layout::TrailerSize(size + 1);
      continue;
    }
    if (head >= kName) {
      if (compare && NameNumber(p) == name) break;
      p += kNameSize;
      continue;
    }
    const auto offset = static_cast<size_t>(p - bytes_.data());
    if (compare) {
      const PackedValue value = At(offset);
      if (value.is_int ? is_int && number == value.number
                       : is_text(value.text.data(), value.text.size())) {
        break;
      }
    }
    p += EntrySize(offset);
  }
  return ElementOrNone(static_cast<size_t>(p - bytes_.data()));
}

template class BasicListpackView<TwoWay>;
template class BasicListpackView<OneWay>;

// --- one element ---

ListpackElement::ListpackElement(std::string_view text) {
  int64_t number = 0;
  if (ParseInt64(text, &number)) {
    SetNumber(number);
    return;
  }
  data_ = text;
  if (text.size() < 1 << 6) {
    head_[0] = static_cast<char>(0x80 | text.size());
    head_size_ = 1;
  } else if (text.size() < 1 << 12) {
    head_[0] = static_cast<char>(0xe0 | text.size() >> 8);
    head_[1] = static_cast<char>(text.size());
    head_size_ = 2;
  } else {
    head_[0] = static_cast<char>(kText32);
    StoreFixed32(head_ + 1, static_cast<uint32_t>(text.size()));
    head_size_ = 5;
  }
}

ListpackElement::ListpackElement(int64_t number) { SetNumber(number); }

ListpackElement ListpackElement::OfName(uint16_t number) {
  ListpackElement element;
  element.head_[0] = static_cast<char>(kName + (number >> 8));
  element.head_[1] = static_cast<char>(number);
  element.head_size_ = kNameSize;
  return element;
}

void ListpackElement::SetNumber(int64_t number) {
  const auto bits = static_cast<uint64_t>(number);
  const auto fits = [number](int width) {
    const int64_t limit = int64_t{1} << (width - 1);
    return number >= -limit && number < limit;
  };
  if (number >= 0 && number <= 127) {
    head_[0] = static_cast<char>(number);
    head_size_ = 1;
  } else if (fits(13)) {
    head_[0] = static_cast<char>(0xc0 | (bits >> 8 & 0x1f));
    head_[1] = static_cast<char>(bits);
    head_size_ = 2;
  } else if (fits(16)) {
    head_[0] = static_cast<char>(kInt16);
    StoreFixed16(head_ + 1, static_cast<uint16_t>(bits));
    head_size_ = 3;
  } else if (fits(24)) {
    head_[0] = static_cast<char>(kInt24);
    StoreFixed16(head_ + 1, static_cast<uint16_t>(bits));
    head_[3] = static_cast<char>(bits >> 16);
    head_size_ = 4;
  } else if (fits(32)) {
    head_[0] = static_cast<char>(kInt32);
    StoreFixed32(head_ + 1, static_cast<uint32_t>(bits));
    head_size_ = 5;
  } else {
    head_[0] = static_cast<char>(kInt64);
    StoreFixed64(head_ + 1, bits);
    head_size_ = 9;
  }
}

template <class Layout>
char* ListpackElement::Store(char* out) const {
  std::memcpy(out, head_, head_size_);
  out += head_size_;
  if (!data_.empty()) std::memcpy(out, data_.data(), data_.size());
  out += data_.size();
  if constexpr (!Layout::kBackwards) return out;
  return StoreBacklen(out, head_size_ + data_.size());
}
template char* ListpackElement::Store<TwoWay>(char* out) const;
template char* ListpackElement::Store<OneWay>(char* out) const;

// --- editing ---

template <>
std::string_view EmptyListpack<TwoWay>() {
  static constexpr char kEmpty[] = {7, 0, 0, 0, 0, 0, static_cast<char>(kEnd)};
  return {kEmpty, sizeof(kEmpty)};
}

template <>
std::string_view EmptyListpack<OneWay>() {
  static constexpr char kEmpty[] = {0, 0, static_cast<char>(kEnd)};
  return {kEmpty, sizeof(kEmpty)};
}

template <class Layout>
size_t ListpackInsert(ByteStore& store, size_t at, std::span<const ListpackElement> elements) {
  size_t added = 0;
  for (const ListpackElement& element : elements) added += element.size<Layout>();
  const size_t total = store.bytes().size() + added;
  char* const gap = store.Splice(at, 0, added);
  char* out = gap;
  for (const ListpackElement& element : elements) out = element.Store<Layout>(out);
  UpdateHeader<Layout>(gap - at, total, elements.size(), 0);
  return at;
}

size_t ListpackInsertAfter(ByteStore& store, size_t at, const ListpackElement& element) {
  return ListpackInsert(store, at + ListpackView(store.bytes()).EntrySize(at), element);
}

size_t ListpackPrepend(ByteStore& store, const ListpackElement& element) {
  return ListpackInsert(store, TwoWay::kHeaderSize, element);
}

template <class Layout>
void ListpackReplace(ByteStore& store, size_t at, const ListpackElement& element) {
  const BasicListpackView<Layout> before(store.bytes());
  const size_t removed = before.EntrySize(at);
  const size_t total = before.byte_size() - removed + element.size<Layout>();
  char* const gap = store.Splice(at, removed, element.size<Layout>());
  element.Store<Layout>(gap);
  UpdateHeader<Layout>(gap - at, total, 1, 1);
}

template <class Layout>
size_t ListpackErase(ByteStore& store, size_t at, size_t n) {
  const BasicListpackView<Layout> before(store.bytes());
  size_t end = at;
  size_t erased = 0;
  for (; erased < n && end != before.end(); ++erased) end += before.EntrySize(end);
  const size_t total = before.byte_size() - (end - at);
  char* const gap = store.Splice(at, end - at, 0);
  UpdateHeader<Layout>(gap - at, total, 0, erased);
  return at == total - 1 ? ListpackView::kNone : at;
}

template <class Layout>
void ListpackEraseRange(ByteStore& store, int64_t index, size_t n) {
  if (n == 0) return;
  const size_t at = BasicListpackView<Layout>(store.bytes()).Seek(index);
  if (at != ListpackView::kNone) ListpackErase<Layout>(store, at, n);
}

// Those above are of both layouts.
template size_t ListpackInsert<TwoWay>(ByteStore&, size_t, std::span<const ListpackElement>);
template size_t ListpackInsert<OneWay>(ByteStore&, size_t, std::span<const ListpackElement>);
template void ListpackReplace<TwoWay>(ByteStore&, size_t, const ListpackElement&);
template void ListpackReplace<OneWay>(ByteStore&, size_t, const ListpackElement&);
template size_t ListpackErase<TwoWay>(ByteStore&, size_t, size_t);
template size_t ListpackErase<OneWay>(ByteStore&, size_t, size_t);
template void ListpackEraseRange<TwoWay>(ByteStore&, int64_t, size_t);
template void ListpackEraseRange<OneWay>(ByteStore&, int64_t, size_t);

void ListpackAppendAll(ByteStore& store, ListpackView from) {
  InsertAll(store, ListpackView(store.bytes()).end(), from);
}

void ListpackPrependAll(ByteStore& store, ListpackView from) {
  InsertAll(store, TwoWay::kHeaderSize, from);
}

std::string ListpackCopyRange(ListpackView from, size_t index, size_t n) {
  if (index > static_cast<size_t>(std::numeric_limits<int64_t>::max())) {
    return std::string(EmptyListpack());
  }
  const size_t begin = from.Seek(static_cast<int64_t>(index));
  if (begin == ListpackView::kNone) return std::string(EmptyListpack());
  size_t end = begin;
  size_t count = 0;
  for (; count < n && end != from.end(); ++count) end += from.EntrySize(end);
  return MakeListpack(from.bytes().substr(begin, end - begin), count);
}

template <class Layout>
void BasicListpackBuilder<Layout>::Add(const ListpackElement& element) {
  const size_t at = bytes_.size();
  bytes_.resize(at + element.size<Layout>());
  element.Store<Layout>(bytes_.data() + at);
  ++count_;
}

template <class Layout>
std::string BasicListpackBuilder<Layout>::Take() {
  bytes_.push_back(static_cast<char>(kEnd));
  StoreListpackHeader<Layout>(bytes_.data(), bytes_.size(), count_);
  std::string out = std::move(bytes_);
  *this = BasicListpackBuilder();
  return out;
}

template class BasicListpackBuilder<TwoWay>;
template class BasicListpackBuilder<OneWay>;

// --- from one layout to the other ---

namespace {

// The text of an element that a one-way listpack may refer to; empty: its bytes are stored.
std::string_view ShortText(const char* p) {
  const auto head = static_cast<uint8_t>(*p);
  return head >= 0x80 && head < 0xc0 ? std::string_view(p + 1, head & 0x3fU) : std::string_view();
}

bool IsName(const char* p) { return static_cast<uint8_t>(*p) >= kName; }

}  // namespace

std::string ToOneWay(ListpackView from, FieldNames* names) {
  std::string out;
  out.reserve(from.byte_size());
  out.resize(OneWay::kHeaderSize);
  size_t count = 0;
  const char* p = from.bytes().data() + TwoWay::kHeaderSize;
  for (; static_cast<uint8_t>(*p) != kEnd; ++count) {
    const size_t n = EncodedSize(p);
    const uint16_t name =
        names != nullptr && count % 2 == 0 ? names->Use(ShortText(p)) : FieldNames::kNone;
    if (name != FieldNames::kNone) {
      char reference[kNameSize];
      ListpackElement::OfName(name).Store<OneWay>(reference);
      out.append(reference, kNameSize);
    } else {
      out.append(p, n);
    }
    p += n + BacklenSize(n);
  }
  out.push_back(static_cast<char>(kEnd));
  StoreListpackHeader<OneWay>(out.data(), out.size(), count);
  return out;
}

size_t TwoWaySize(OneWayListpackView of) {
  size_t size = TwoWay::kHeaderSize + 1;
  const char* p = of.bytes().data() + OneWay::kHeaderSize;
  while (static_cast<uint8_t>(*p) != kEnd) {
    const size_t own = EncodedSize(p);
    const size_t n = IsName(p) ? 1 + of.names()->At(NameNumber(p)).size() : own;
    size += n + BacklenSize(n);
    p += own;
  }
  return size;
}

void AppendTwoWay(std::string* out, OneWayListpackView from, size_t size) {
  const size_t start = out->size();
  out->resize(start + size);
  char* const header = out->data() + start;
  char* to = header + TwoWay::kHeaderSize;
  size_t count = 0;
  const char* p = from.bytes().data() + OneWay::kHeaderSize;
  for (; static_cast<uint8_t>(*p) != kEnd; ++count) {
    const size_t own = EncodedSize(p);
    size_t n = own;
    if (IsName(p)) {
      const std::string_view text = from.names()->At(NameNumber(p));
      *to = static_cast<char>(0x80 | text.size());
      std::memcpy(to + 1, text.data(), text.size());
      n = 1 + text.size();
    } else {
      std::memcpy(to, p, n);
    }
    to = StoreBacklen(to + n, n);
    p += own;
  }
  *to = static_cast<char>(kEnd);
  StoreListpackHeader<TwoWay>(header, size, count);
}

// --- bytes from outside ---

bool ValidateListpack(std::string_view bytes, const std::function<bool(const PackedValue&)>& visit,
                      bool* own_trailers) {
  if (own_trailers != nullptr) *own_trailers = true;
  if (bytes.size() < TwoWay::kHeaderSize + 1 || LoadFixed32(bytes.data()) != bytes.size())
    return false;
  const size_t end = bytes.size() - 1;
  if (static_cast<uint8_t>(bytes[end]) != kEnd) return false;
  const ListpackView view(bytes);
  size_t count = 0;
  size_t at = TwoWay::kHeaderSize;
  while (static_cast<uint8_t>(bytes[at]) != kEnd) {
    const size_t head_size = HeadSize(static_cast<uint8_t>(bytes[at]));
    // The end byte is never part of an element, so at <= end holds throughout.
    if (head_size == 0 || head_size > end - at) return false;
    const size_t n = EncodedSize(bytes.data() + at);
    const size_t entry = n + BacklenSize(n);
    if (entry > end - at) return false;
    size_t backlen = 0;
    if (!LoadBacklen(bytes.data() + at + entry - 1, &backlen) || backlen != n) return false;
    if (own_trailers != nullptr) {
      char trailer[kMaxBacklenSize];
      StoreBacklen(trailer, n);
      *own_trailers &= std::memcmp(trailer, bytes.data() + at + n, entry - n) == 0;
    }
    if (visit && !visit(view.At(at))) return false;
    at += entry;
    ++count;
  }
  const uint16_t announced = LoadFixed16(bytes.data() + TwoWay::kCountAt);
  return at == end && (announced == kCountUnknown || announced == count);
}

void RewriteTrailers(std::string* listpack) {
  char* p = listpack->data() + TwoWay::kHeaderSize;
  while (static_cast<uint8_t>(*p) != kEnd) {
    const size_t n = EncodedSize(p);
    p = StoreBacklen(p + n, n);
  }
}

}  // namespace thermocline::codec
