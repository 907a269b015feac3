// options: -O0 -DHEED_UNOPTIMISED
// What explain, passes, drawing and picture print, on graphs of every kind; nothing here depends on the tile sizes of a
// build.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <heed/heed.hpp>
#include <regex>
#include <set>
using namespace heed;
using namespace heed::internal;

namespace {
constexpr axis<"b"> b;
constexpr axis<"h", 2> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"z"> z;
constexpr axis<"d", 16> d;
constexpr axis<"e", 8> e;
constexpr axis<"c", 32> c;
constexpr axis<"o", 24> o;
constexpr auto q = input<"q">(b, h, n, d);
constexpr auto k = input<"k">(b, h, m, d);
constexpr auto v = input<"v">(b, h, m, e);
constexpr auto doc = input<"doc", std::int32_t>(b, z);
constexpr auto length = input<"length", std::int32_t>(b);
constexpr auto slope = input<"slope">(h);
constexpr auto x = input<"x">(n, c);
constexpr auto weight = input<"weight">(o, c);
constexpr auto back = input<"back">(c, o);

constexpr auto past = causal(n, m);
constexpr auto window = sliding_window(n, m, 20);
constexpr auto documents = causal(n, m) && same_document(doc, n, m);
constexpr auto full = attention<d, m>(q, k, v);
constexpr auto causal_out = attention<d, m>(q, k, v, past);
constexpr auto window_out = attention<d, m>(q, k, v, window);
constexpr auto document_out = attention<d, m>(q, k, v, documents);
constexpr auto padded_out = attention<d, m>(q, k, v, padding(m, length));
constexpr auto sloped = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + alibi(slope, n, m), past)), v);
constexpr auto positive = attention<d, m>(q, k, v, scaled_dot<d>(q, k) > 0);
constexpr auto mlp = x + project<o>(gelu(project<c>(x, weight)), back);
constexpr auto normed = layer_norm<c>(x);
constexpr auto two_products = dot<m>(softmax<m>((dot<d>(q, k) + dot<d>(q + 1, k* k)) / 8), v);
constexpr auto distances = dot<m>(softmax<m>(dot<d>(q, k) - sum<d>((q - k) * (q - k))), v);
constexpr auto gradient_of_distances = gradient<distances>(wrt(q));
constexpr auto additive = dot<m>(softmax<m>(dot<d>(q, k) + sum<d>(tanh(q + k))), v);

bool says(const std::string& text, const std::string& expression) {
  return std::regex_search(text, std::regex(expression));
}
#define SAYS(TEXT, EXPRESSION) BOOST_TEST(says(TEXT, EXPRESSION), "no `" EXPRESSION "` in\n" << TEXT)

template <result_list R> inline constexpr const plan::execution_plan& plan_of = plan::plan_of<*R.of[0]>;
template <result_list R> inline constexpr const plan::region& region_of = plan::region_of<0, *R.of[0]>;

// "a 12.50 KiB" -> bytes.
double bytes_in(const std::string& text, const std::string& before, const std::string& after) {
  std::smatch found;
  if (!std::regex_search(text, found, std::regex(before + "([0-9.]+) (bytes|KiB|MiB)" + after))) return -1;
  const double scale = found[2] == "KiB" ? 1024 : found[2] == "MiB" ? 1024 * 1024 : 1;
  return std::stod(found[1]) * scale;
}

// A mask decided cell by cell, tile by tile: what intervals should find where they are exact.
template <class Keep>
show::tile_counts counted(extent_t rows, extent_t columns, extent_t height, extent_t width, const Keep& keep) {
  show::tile_counts t;
  for (extent_t i = 0; i < rows; i += height)
    for (extent_t j = 0; j < columns; j += width) {
      bool some = false, every = true;
      for (extent_t y = i; y < std::min(rows, i + height); ++y)
        for (extent_t x_ = j; x_ < std::min(columns, j + width); ++x_)
          some = some || keep(y, x_), every = every && keep(y, x_);
      (every ? t.full : some ? t.mixed : t.empty) += 1;
    }
  return t;
}
template <result_list R>
show::tile_counts counted_by_the_kernel(extent_t rows, extent_t columns, const std::vector<run::view>& operands) {
  const plan::execution_plan& p = plan_of<R>;
  show::extent_table extent;
  for (int i = 0; i < p.g.axis_count; ++i) {
    const label& name = p.g.axes[std::size_t(i)].name;
    extent[std::size_t(i)] = p.g.extent(i) != runtime  ? p.g.extent(i)
                             : name == make_label("n") ? rows
                             : name == make_label("m") ? columns
                             : name == make_label("z") ? std::max(rows, columns)
                                                       : 3;
  }
  return show::count_tiles<plan::region_of<0, *R.of[0]>>(extent, operands);
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_score_region) {
  const std::string text = explain<causal_out>(with(b, 3), with(n, 100), with(m, 90));
  SAYS(text, "1 region\n");
  SAYS(text, "region 0: score, float");
  SAYS(text, "batch +b, h=2");
  SAYS(text, "rows +n\n");
  SAYS(text, "columns +m\n");
  SAYS(text, "contracts +d=16");
  SAYS(text, "width +e=8");
  SAYS(text, "tiles +[0-9]+ rows x [0-9]+ columns");
  SAYS(text, "q: queries");
  SAYS(text, "k: keys");
  SAYS(text, "v: values");
  SAYS(text, "keeps +m <= n");
  SAYS(text, "mask +[0-9]+ tiles of [0-9]+ x [0-9]+: .*empty, skipped; .*full, without mask code; .*mixed");
  SAYS(text, "cost +.*flop if nothing were skipped, .*flop in the tiles that are visited, .*read and written once");
  SAYS(text, "between regions: nothing is stored");
  SAYS(text, "workspace: ");
  const std::string without = explain<full>(with(b, 3), with(n, 100), with(m, 90));
  BOOST_TEST(!says(without, "\n  mask "), without);
  SAYS(without, "cost +2.59 Mflop");  // 2 x (3 x 2 x 100 x 90) x (16 + 8)
}
BOOST_AUTO_TEST_CASE(sums_of_a_gradient) {
  static constexpr auto table = input<"table">(h, z);
  static constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + table.at(n - m), past)), v);
  static constexpr auto grad = gradient<out>(wrt(k, table));
  const std::string text = explain<grad>();
  SAYS(text, "3 regions\n");
  SAYS(text, "gives +grad\\(table\\) = sum<b, n, m>\\(weight \\* \\(tile1 - \\[1\\]\\)\\) at z = n - m\n");
  SAYS(text, "\n +grad\\(k\\) = 0.25 \\* dot<n>\\(weight \\* \\(tile1 - \\[1\\]\\), q\\)\n");
}
BOOST_AUTO_TEST_CASE(extents_that_are_missing_are_named) {
  const std::string text = explain<causal_out>(with(b, 3));
  SAYS(text, "not known without the extents of [nm], [nm]:");
  BOOST_TEST(!says(text, "workspace"));
  BOOST_CHECK_THROW(explain<causal_out>(with(axis<"nobody">{}, 3)), error);
}
BOOST_AUTO_TEST_CASE(masks_that_read_operands) {
  SAYS(explain<document_out>(with(b, 3), with(n, 100), with(m, 90), with(z, 100)),
       "mask +depends on the values of doc: bind them");
  tensor<std::int32_t> D(3, 100), L(3);
  for (extent_t i = 0; i < 100; ++i) D(0, i) = std::int32_t(i / 30), D(1, i) = 0, D(2, i) = std::int32_t(i);
  const std::string text = explain<document_out>(with(n, 100), with(m, 90), doc = D);
  SAYS(text, "mask +[0-9]+ tiles");
  BOOST_TEST(!says(text, "depends"));
  SAYS(explain<padded_out>(with(b, 3), with(n, 100), with(m, 90)), "depends on the values of length");
  SAYS(explain<padded_out>(with(n, 100), with(m, 90), length = L), "\\(100 %\\) empty");  // lengths of 0
  SAYS(explain<positive>(with(b, 3), with(n, 100), with(m, 90)), "mask +decided score by score");
  tensor<std::int32_t> wrong(2, 100);
  BOOST_CHECK_THROW(explain<document_out>(with(b, 3), with(n, 100), with(m, 90), doc = wrong), error);
}
BOOST_AUTO_TEST_CASE(tiles_are_counted_as_the_mask_falls) {
  const auto same = [](const show::tile_counts& a, const show::tile_counts& w, const char* what) {
    BOOST_TEST(a.empty == 6 * w.empty, what << ": empty");  // 3 items x 2 heads
    BOOST_TEST(a.full == 6 * w.full, what << ": full");
    BOOST_TEST(a.mixed == 6 * w.mixed, what << ": mixed");
  };
  const std::vector<run::view> none(plan::max_operands);
  constexpr extent_t height = simd::block_rows<float>, width = simd::group;
  for (const auto& [rows, columns] : {std::array<extent_t, 2>{48, 48},
                                      {100, 90},
                                      {7, 61},
                                      {61, 7},
                                      {1, 1},
                                      {50, 200},
                                      {height, width},
                                      {4 * height + 1, 9 * width + 1},
                                      {3 * height, 8 * width},
                                      {0, 5},
                                      {5, 0}}) {
    same(counted_by_the_kernel<causal_out>(rows, columns, none),
         counted(rows, columns, height, width, [](extent_t i, extent_t j) { return j <= i; }), "causal");
    same(counted_by_the_kernel<window_out>(rows, columns, none),
         counted(rows, columns, height, width, [](extent_t i, extent_t j) { return j <= i && i - j < 20; }), "window");
  }
  // Documents, bound: bounds may find a tile mixed that is full, never the other way round; nothing is lost.
  constexpr extent_t length = 4 * height, positions = 3 * length;  // of documents that begin with a tile
  std::vector<std::int32_t> ids(positions);
  for (extent_t i = 0; i < positions; ++i) ids[std::size_t(i)] = std::int32_t(i / length);
  const plan::execution_plan& p = plan_of<document_out>;
  const plan::region& r = region_of<document_out>;
  std::vector<run::view> bound(plan::max_operands);
  for (int i = 0; i < r.operands.count; ++i)
    if (p.g[p.regions[0].reads[i]].type == element::i32) {
      bound[std::size_t(i)].data = ids.data();
      for (const char* name : {"n", "m"}) {
        const int a = p.g.find_axis(name[0] == 'n' ? make_label("n") : make_label("m"));
        bound[std::size_t(i)].stride[std::size_t(a)] = r.operands[i].axes >> a & 1;
      }
    }
  const auto keep = [&](extent_t i, extent_t j) { return j <= i && ids[std::size_t(i)] == ids[std::size_t(j)]; };
  const show::tile_counts got = counted_by_the_kernel<document_out>(positions, positions, bound),
                          want = counted(positions, positions, height, width, keep);
  BOOST_TEST(got.all() == 6 * want.all());
  BOOST_TEST(got.empty == 6 * want.empty);
  BOOST_TEST(got.full == 6 * want.full);
  BOOST_TEST(want.full > 0);
}
BOOST_AUTO_TEST_CASE(the_workspace_is_what_a_call_takes) {
  tensor<float> X(40, 32), W(24, 32), B(32, 24), Y(40, 32);
  workspace memory;
  fuse<mlp>(x = X, weight = W, back = B, into(Y), memory);
  const std::string text = explain<mlp>(with(n, 40));
  SAYS(text, "between regions: \\(n, o=24\\)");
  std::smatch threads;
  BOOST_TEST_REQUIRE(std::regex_search(text, threads, std::regex("each of ([0-9]+) thread")));
  const double total = bytes_in(text, "workspace: ", " between") + bytes_in(text, "regions, ", " shared") +
                       bytes_in(text, "shared, ", " for each") * std::stod(threads[1]);
  BOOST_TEST(std::abs(total - double(memory.bytes())) <= 0.01 * double(memory.bytes()) + 64, text << memory.bytes());
}
BOOST_AUTO_TEST_CASE(other_regions) {
  const std::string two = explain<mlp>(with(n, 40));
  SAYS(two, "2 regions");
  SAYS(two, "region 0: matmul, float");
  SAYS(two, "region 1: matmul");
  SAYS(two, "x: broadcast row by row");
  SAYS(two, "weight: packed once per call");
  SAYS(two, "computes +.*erf");
  SAYS(explain<normed>(), "region 0: row");
  SAYS(explain<normed>(), "along +c=32");
  static constexpr auto gate = input<"gate">(n);
  static constexpr auto kept = running_sum<n>(-softplus(gate), from_the_end) / 2;
  SAYS(explain<kept>(), "region 0: row");
  SAYS(explain<kept>(), "0.5 \\* running_sum<n>\\(-softplus\\(gate\\), from_the_end\\)");
  SAYS(passes<kept>(), "running_sum<n>\\(#[0-9]+, from_the_end\\)");
  static constexpr auto no_softmax = dot<m>(sigmoid(mask(scaled_dot<d>(q, k), m <= n)), v);
  SAYS(explain<no_softmax>(), "region 0: pairs, float");
  SAYS(explain<no_softmax>(), "keeps +m <= n");
  const std::string terms = explain<two_products>();
  SAYS(terms, "region [0-9]: score, float");
  SAYS(terms, "tile +0.18[0-9]* \\* dot<d=[0-9]+>\\(");
  SAYS(terms, "term1 +0.18[0-9]* \\* dot<d=[0-9]+>\\(");
  SAYS(terms, "score +tile \\+ term1|score +term1 \\+ tile");
  SAYS(explain<distances>(), "tile +squared_distance<d=16>\\(q, k\\)");
  SAYS(explain<gradient_of_distances>(), "dot<m>\\(weight \\* \\(tile1 - \\[1\\]\\), k - q\\)");
  const std::string loop = explain<additive>();
  SAYS(loop, "region [0-9]: loop \\(not fused: the score reads another value over pairs of positions");
  SAYS(loop, "q: element by element");
  const std::string both = explain<results(sloped, normed)>(with(b, 1), with(n, 9), with(m, 9));
  SAYS(both, "region [01]: score");
  SAYS(both, "region [01]: row");
  SAYS(both, "slope");
}
BOOST_AUTO_TEST_CASE(what_is_computed_is_what_is_printed) {
  static constexpr axis<"u", 8> u;
  static constexpr axis<"w", 4> w;
  static constexpr auto parts = split<c, u, w>(normed);  // copied out of what region 0 stores
  static constexpr auto steps = cast<std::int32_t>(n / 41) + sum<c>(x);
  const std::string s = explain<results(normed, parts)>();
  SAYS(s, "reads +split<c, u, w>\\(\\[0\\]\\)");
  SAYS(explain<steps>(), "computes +cast<int64>\\(n / 41\\) \\+ sum<c>\\(x\\)");
  BOOST_TEST(says(explain<mlp>(), "tiles +" + std::to_string(simd::group) + " rows x "));
}

BOOST_AUTO_TEST_CASE(gradients_by_their_names) {
  static constexpr auto loss = sum<n, c>(mlp * mlp);
  static constexpr auto step = results(normed, gradient<sloped>(wrt(k, slope)), gradient<loss>(wrt(weight)));
  const std::string text = explain<step>();
  SAYS(text, "[ \n]+grad\\(k\\) = 0.25 \\* dot<n>\\(weight .*, q\\)\n");
  SAYS(text, "[ \n]+grad\\(slope\\) = sum<");
  SAYS(text, "\n  computes +grad\\(weight\\) = tile\n");
  SAYS(text, "\n  computes +rsqrt");  // a result without a name
  const std::string plan = passes<step>();
  SAYS(plan, ", result 1\n");
  SAYS(plan, ", result 2: grad\\(k\\)\n");
  SAYS(plan, ", result 4: grad\\(weight\\)\n");
}
BOOST_AUTO_TEST_CASE(every_pass_can_be_printed) {
  const std::string text = passes<results(causal_out, normed)>();
  for (const char* pass :
       {"^expression", "\nmerge_results", "\nposition_axes", "\nsimplified", "\norders_with_results", "\nuses_of",
        "\nneed_operands", "\nplace", "\narrange", "\nlowered, region 0", "\nlowered, region 1", "\ncall_table_of"})
    BOOST_TEST(says(text, std::string(pass) + "  \\([a-z_/]+\\.hpp\\)\n"), pass << " is not in\n" << text);
  BOOST_TEST(!says(text, "\n(deciding|with_merged_axes|find_gradients|first_alike_of)"), text);  // found nothing to do
  const std::string declared = text.substr(0, text.find("\nsimplified")),
                    simple = text.substr(declared.size(), text.find("\norders_with_results") - declared.size());
  SAYS(declared, "= sqrt\\(#[0-9]+\\)");  // of the width 16, which folds
  SAYS(simple, "= sqrt\\(#[0-9]+\\)  becomes  4\n");
  BOOST_TEST(!says(simple.substr(simple.find("which gives")), "= sqrt\\("), simple);
  SAYS(simple, "= 0.25 ");
  SAYS(simple, "\\(b, h, n, e\\) float  <- result 1");
  SAYS(text, "buffer [0-9]+: #[0-9]+ \\(n, c=32\\) float, result 2");
  SAYS(text, "%[0-9]+ = %[0-9]+ <= %[0-9]+  per pair, bool");
  SAYS(passes<mlp>(), "workspace from region 0 to 1");
  static constexpr auto both = gradient<causal_out>(wrt(q));
  SAYS(passes<both>(), "\nfind_gradients  \\(.*\\)\n  of the weights #[0-9]+: #[0-9]+ = ");
}
BOOST_AUTO_TEST_CASE(a_drawing_is_graphviz) {
  const std::string text = drawing<results(causal_out, mlp, normed)>();
  SAYS(text, "^digraph heed \\{");
  SAYS(text, "label=\"score region [0-9]\"");
  SAYS(text, "label=\"matmul region [0-9]\"");
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' && text[i - 1] != '\\') quoted = !quoted;
    if (!quoted) depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
    BOOST_TEST_REQUIRE(depth >= 0);
  }
  BOOST_TEST(depth == 0);
  BOOST_TEST(!quoted);
  std::set<std::string> drawn;  // every arrow joins what is drawn
  const std::regex node("\n +(v[0-9]+) \\["), arrow("(v[0-9]+) -> (v[0-9]+);");
  for (std::sregex_iterator i(text.begin(), text.end(), node), end; i != end; ++i) drawn.insert((*i)[1]);
  int arrows = 0;
  for (std::sregex_iterator i(text.begin(), text.end(), arrow), end; i != end; ++i, ++arrows) {
    BOOST_TEST(drawn.count((*i)[1]) == 1u, (*i)[1] << " in\n" << text);
    BOOST_TEST(drawn.count((*i)[2]) == 1u, (*i)[2] << " in\n" << text);
  }
  BOOST_TEST(arrows >= 8);                                 // q, k, v; x, weight; the hidden layer, back, x; x
  if (std::system("dot -V >/dev/null 2>&1") != 0) return;  // where Graphviz is there, it is asked too
  std::ofstream("drawing.dot") << text;
  BOOST_TEST(std::system("dot -Tsvg drawing.dot -o drawing.svg") == 0);
}
BOOST_AUTO_TEST_CASE(pictures) {
  BOOST_TEST(picture<past>(with(n, 3), with(m, 4)) == "█···\n██··\n███·\n");
  BOOST_TEST(picture<past>(with(m, 4), with(n, 3)) == "███\n·██\n··█\n···\n");
  BOOST_TEST(picture<window>(with(n, 1), with(m, 2)) == "█·\n");
  BOOST_TEST(picture<past>(with(n, 0), with(m, 2)) == "");
  BOOST_CHECK_EXCEPTION(picture<past>(with(e, 2), with(n, 3), with(m, 4)), error, [](const error& x) {
    return x.what() ==
           std::string(
               "heed: expected with(...) of rows and columns that the condition varies over (m, n), got e and n");
  });
  const std::int32_t ids[1][4] = {{0, 0, 1, 1}};
  BOOST_TEST(picture<documents>(with(n, 4), with(m, 4), doc = ids) == "█···\n██··\n··█·\n··██\n");
  static constexpr auto until = padding(m, length);
  const std::int32_t two[1] = {2};
  BOOST_TEST(picture<until>(with(n, 2), with(m, 3), length = two) == "██·\n██·\n");
  try {
    picture<documents>(with(n, 4), with(m, 4));
    BOOST_ERROR("a mask cannot be drawn without the operand that it reads");
  } catch (const error& x_) { BOOST_TEST(x_.operand() == "doc"); }
}
