// The link rule: large values are renamed, copied and moved without a copy in the log, and a kill
// at any point between the capture of one key and of the other leaves what replay needs.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/engine/database/rules_fixture.h"

namespace thermocline::testing {
namespace {

using engine::Need;

class LinksTest : public RulesTest {
 protected:
  // Keys between which a sweep can be stopped: names_[0] lies first, the others far behind.
  void SetUp() override {
    database_.link_threshold = 1;
    RulesTest::SetUp();
    for (int i = 0; names_.size() < 4; ++i) {
      const std::string name = "name" + std::to_string(i);
      const uint64_t position = db().PositionOf(name) >> 32;
      constexpr uint64_t kRange = uint64_t{1} << 31;
      if (names_.empty() ? position < kRange / 32 : position > kRange / 2) names_.push_back(name);
    }
    a_ = names_[0];
    b_ = names_[1];
    c_ = names_[2];
  }
  // Others, of which a slice of a sweep takes a thousand; captured.
  void Fill() {
    for (int i = 0; i < 6000; ++i) {
      const std::string name = "filler" + std::to_string(i);
      Append(name, "v");
      fillers_[0][name] = {"v", 0};
      if (i % 500 == 0) database_.Tick();
    }
    database_.Tick();
  }
  void Move(const std::string& from, const std::string& to, int from_db = 0, int to_db = 0) {
    database_.Run({{from_db, from, Need::kValue}, {to_db, to, Need::kHeader}},
                  [&](auto& d) { d.MoveKey(from_db, from, to_db, to); });
  }
  void Copy(const std::string& from, const std::string& to) {
    database_.Run({{0, from, Need::kValue}, {0, to, Need::kHeader}},
                  [&](auto& d) { d.CopyKey(0, from, 0, to); });
  }
  // A checkpoint begins, then these changes, then as much of it lands as lies before names_[1].
  void CaptureTheFirstAfter(const std::function<void()>& changes) {
    Fill();
    for (const std::string& name : names_) Value(name);  // resident: no tick inside what follows
    ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
    changes();
    CaptureTheFirst();
  }
  void CaptureTheFirst() {
    const uint64_t before = db().GetStats().captured_keys;
    // A batch that is not in order is written to memtables, which are flushed before the next one
    // is staged: with the second slice the first is durable.
    for (int i = 0; i < 2; ++i) {
      db().EndTick();
      db().Poll();
    }
    ASSERT_TRUE(db().GetStats().checkpoint_running);
    const uint64_t captured = db().GetStats().captured_keys - before;
    ASSERT_GT(captured, fillers_[0].size() / 32);
    ASSERT_LT(captured, fillers_[0].size() / 2);
  }
  // What is there besides the fillers.
  std::string Others() {
    Keyspace found;
    database_.Contents(&found);
    size_t fillers = 0;
    for (const auto& [name, value] : fillers_[0]) fillers += found[0].erase(name);
    EXPECT_EQ(fillers, fillers_[0].size());
    return Describe(found);
  }

  std::vector<std::string> names_;
  std::string a_, b_, c_;
  Keyspace fillers_;
};

TEST_F(LinksTest, TheFrameNamesTheKeysInsteadOfTheValue) {
  database_.link_threshold = 1000;
  ASSERT_TRUE(KillAndOpen());
  const std::string large(2000, 'x'), small(500, 'y');
  Set(a_, large);
  Set(c_, small);
  engine::Lsn before = db().LogEnd();
  Copy(a_, b_);
  EXPECT_LT(db().LogEnd() - before, 200u);
  before = db().LogEnd();
  Move(b_, "other");
  EXPECT_LT(db().LogEnd() - before, 200u);
  before = db().LogEnd();
  Move(a_, a_, 0, 1);
  EXPECT_LT(db().LogEnd() - before, 200u);
  before = db().LogEnd();
  Copy(c_, "small");
  EXPECT_GT(db().LogEnd() - before, 500u);
  const std::string contents = Contents();
  database_.Tick();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Contents(), contents);
}

TEST_F(LinksTest, TheSourceIsCapturedWithItsDestination) {
  Set(a_, "value");
  database_.Spill();
  CaptureTheFirstAfter([&] { Move(a_, b_); });
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Others(), "0:" + b_ + "=value@0\n");
}

TEST_F(LinksTest, ACopiedSourceThatChangesIsCapturedWithTheCopy) {
  Set(a_, "value");
  database_.Spill();
  CaptureTheFirstAfter([&] {
    Copy(a_, b_);
    Append(a_, "+tail");
  });
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Others(), Describe({{0, {{a_, {"value+tail", 0}}, {b_, {"value", 0}}}}}));
}

TEST_F(LinksTest, LinksAreFollowed) {
  Set(a_, "value");
  database_.Spill();
  CaptureTheFirstAfter([&] {
    Move(a_, b_);
    Move(b_, c_);
    Append(c_, "+tail");
  });
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Others(), "0:" + c_ + "=value+tail@0\n");
}

// Neither can be captured before the other.
TEST_F(LinksTest, ACircleIsCapturedAtOnce) {
  Set(a_, "one");
  Set(b_, "two");
  database_.Spill();
  CaptureTheFirstAfter([&] {
    Move(a_, c_);
    Move(b_, a_);
    Move(c_, b_);
  });
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Others(), Describe({{0, {{a_, {"two", 0}}, {b_, {"one", 0}}}}}));
}

TEST_F(LinksTest, ADeletedDestinationIsCapturedAsSuch) {
  Set(a_, "value");
  database_.Spill();
  Fill();
  Move(a_, b_);
  ExpireLate(b_);
  Delete(b_);  // no checkpoint collects: only the link keeps a tombstone
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  CaptureTheFirst();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Others(), "");
}

// The effect behind the move needs what it moved there, which nobody has any more.
TEST_F(LinksTest, EffectsOnADestinationInADroppedDatabaseAreSkipped) {
  Set(a_, "value");
  database_.Spill();
  CaptureTheFirstAfter([&] {
    Move(a_, a_, 0, 1);
    database_.Run({{1, a_, Need::kHeader}}, [&](auto& d) { d.SetExpiry(1, a_, kLate); });
    Flush(1);
  });
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Others(), "");
}

TEST_F(LinksTest, LinksLeadThroughADroppedDatabase) {
  Set(a_, "value");
  database_.Spill();
  CaptureTheFirstAfter([&] {
    Move(a_, a_, 0, 1);
    Move(a_, b_, 1, 1);
    Move(b_, b_, 1, 2);
    Flush(1);
  });
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Others(), "2:" + b_ + "=value@0\n");
}

// The batch with the source of a link whose destination was dropped lands after the drop is
// durable: [D5] says so if the log ends before it.
TEST_F(LinksTest, ASourceIsNotCapturedBeforeTheDropIsDurable) {
  Set(a_, "value");
  database_.Spill();
  Fill();
  Move(a_, a_, 0, 1);
  database_.Tick();
  std::map<std::string, std::string> log_before_the_drop;
  for (const std::string& path : fs_->Files()) {
    if (path.find("/log/") == std::string::npos) continue;
    ASSERT_TRUE(fs_->ReadAll(path, &log_before_the_drop[path]));
  }
  ASSERT_TRUE(db().StartCheckpoint(nullptr).ok());
  Flush(1);
  CaptureTheFirst();
  database_.Kill();
  for (const auto& [path, bytes] : log_before_the_drop)
    ASSERT_TRUE(engine::WriteFileAtomically(fs_, path, bytes).ok());
  const codec::Status opened = database_.Open();
  EXPECT_NE(opened.ToString().find("the log ends at"), std::string::npos) << opened.ToString();
}

// Replay makes the destination from nothing first: what it is in truth is asked for.
TEST_F(LinksTest, ADestinationWhoseBaseIsNotKnownIsLookedUp) {
  Set(a_, "value");
  Set(b_, "before");
  database_.Spill();
  CaptureTheFirstAfter([&] {
    Set(b_, "replaced");
    Move(a_, b_);
    ExpireLate(b_);
  });
  Append(b_, "+tail");  // not captured
  database_.Tick();
  database_.replay_window_keys = 100;
  ASSERT_TRUE(KillAndOpen());
  database_.AwaitCounts();
  EXPECT_EQ(Others(), Describe({{0, {{b_, {"value+tail", kLate}}}}}));
  database_.Spill();
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Others(), Describe({{0, {{b_, {"value+tail", kLate}}}}}));
}

// The links of replayed frames hold after the start, too: the next kill may find them replayed
// again.
TEST_F(LinksTest, ReplayedLinksHold) {
  Set(a_, "value");
  database_.Spill();
  Move(a_, b_);
  database_.Tick();
  ASSERT_TRUE(KillAndOpen());
  CaptureTheFirstAfter([] {});
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Others(), "0:" + b_ + "=value@0\n");
}

// Captured with the source, a destination would count twice if what it replaces were not known.
TEST_F(LinksTest, TheSourceIsNotCapturedWhileBasesAreUnknown) {
  Set(a_, "value");
  Set(b_, "before");
  database_.Spill();
  Set(b_, "replaced");
  Move(a_, b_);
  Fill();  // by APPEND: replay reads the bases of these, and they make more than one segment
  ASSERT_TRUE(KillAndOpen());
  ASSERT_EQ(db().GetStats().unknown_bases, 1u);
  database_.Checkpoint();
  EXPECT_EQ(Others(), "0:" + b_ + "=value@0\n");
  EXPECT_EQ(db().GetStats().cold_records, fillers_[0].size() + 1);
  ASSERT_TRUE(KillAndOpen());
  EXPECT_EQ(Others(), "0:" + b_ + "=value@0\n");
}

// What hangs together is captured at once, so it must not become too much.
TEST_F(LinksTest, BeyondAShareOfTheBudgetTheValueIsLogged) {
  const std::string value(1 << 20, 'x');
  const uint64_t share = db().GetStats().budget_bytes / 16;
  uint64_t linked = 0;
  Set(a_, value);
  for (uint64_t i = 0; i < 2 * share / value.size(); ++i) {
    const engine::Lsn before = db().LogEnd();
    Copy(a_, "copy" + std::to_string(i));
    linked += db().LogEnd() - before < 1000;
  }
  EXPECT_GT(linked, 0u);
  EXPECT_LE(linked, share / value.size());
  // Others are not tied to these.
  Set(b_, value);
  engine::Lsn before = db().LogEnd();
  Move(b_, c_);
  EXPECT_LT(db().LogEnd() - before, 1000u);
  database_.Tick();
  database_.Checkpoint();  // links are done with it
  before = db().LogEnd();
  Copy(a_, "another");
  EXPECT_LT(db().LogEnd() - before, 1000u);
}

// A value that goes from name to name is one value, however large.
TEST_F(LinksTest, AValueThatIsRenamedAgainAndAgainIsNotLogged) {
  Set(a_, std::string(db().GetStats().budget_bytes / 12, 'x'));
  for (int i = 0; i < 100; ++i) {
    const engine::Lsn before = db().LogEnd();
    i % 2 == 0 ? Move(a_, b_) : Move(b_, a_);
    ASSERT_LT(db().LogEnd() - before, 1000u) << i;
  }
}

}  // namespace
}  // namespace thermocline::testing
