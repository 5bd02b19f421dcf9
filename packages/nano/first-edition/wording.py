"""What people say: question patterns in English and Indonesian.

A pattern is plain text with `[x|y|z]` choices (an empty choice is allowed) and `{slots}`.
Patterns under HELD_OUT are never trained on; evaluation draws some of its questions from them.
"""

from __future__ import annotations

import re
from random import Random

CHOICE = re.compile(r"\[([^\[\]]*)\]")


def expand(pattern: str, rng: Random) -> str:
    """Resolve the `[x|y]` choices, innermost first."""
    while match := CHOICE.search(pattern):
        pattern = pattern[: match.start()] + rng.choice(match.group(1).split("|")) + pattern[match.end() :]
    return re.sub(" +", " ", pattern).strip()


NAMES = "Ani Budi Sari Dewi Rina Agus Putri Joko Siti Tono Maya Adi Anna Ben Tom Lisa Sam Emma Jack Mia Leo Nina Omar Kate".split()
THINGS_EN = "apples oranges books pencils marbles stickers eggs cookies coins flowers stamps candies cards balls mangoes shells toys chairs".split()
THINGS_ID = "apel jeruk buku pensil kelereng stiker telur kue koin bunga perangko permen kartu bola mangga kerang mainan kursi".split()

ONES_EN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
TENS_EN = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
ONES_ID = "nol satu dua tiga empat lima enam tujuh delapan sembilan".split()


def spell(n: int, language: str) -> str:
    """0..99 in words."""
    if language == "en":
        if n < 20:
            return ONES_EN[n]
        return TENS_EN[n // 10] + ("-" + ONES_EN[n % 10] if n % 10 else "")
    if n < 10:
        return ONES_ID[n]
    if n < 20:
        return {10: "sepuluh", 11: "sebelas"}.get(n, ONES_ID[n - 10] + " belas")
    return ONES_ID[n // 10] + " puluh" + (" " + ONES_ID[n % 10] if n % 10 else "")


# Bare expressions belong to no language; they count as English.
BARE = {
    "add": ["{a}+{b}[| =|=|?|= ?]", "{a} + {b}[| =|=|?| = ?]", "{a} plus {b}"],
    "sub": ["{a}-{b}[| =|=|?|= ?]", "{a} - {b}[| =|=|?| = ?]", "{a} minus {b}"],
    "mul": ["{a}[×|*|x]{b}[| =|=|?|= ?]", "{a} [×|*|x|X] {b}[| =|=|?| = ?]", "{a} times {b}"],
    "div": ["{a}[÷|/|:]{b}[| =|=|?|= ?]", "{a} [÷|/|:] {b}[| =|=|?| = ?]", "{a} divided by {b}"],
    "cmp": ["sign: {a} [?|_|...|__|or|and] {b}", "sign: {a} [?|_|...|__|or] {b}"],
}

ASK_EN = "[What is|What's|Calculate|Compute|Work out|How much is|Solve|Find|Tell me|Can you work out|Please calculate|Evaluate|I need|Give me|What does|Do you know what is|What do you get for|Could you tell me]"
ASK_ID = "[Berapa|Berapakah|Hitung|Hitunglah|Tolong hitung|Coba hitung|Hasil dari|Berapa hasil|Berapa hasil dari|Berapa ya|Bisa hitung|Cari hasil|Carilah hasil dari|Jawab|Kerjakan|Selesaikan|Aku mau tahu|Saya ingin tahu]"
WHO_EN = "[{n}|{n}|My [brother|sister|friend|mother|father|teacher]|A [girl|boy|farmer|teacher|shop|child|man|woman]|The [shop|school|baker|farmer]]"
WHO_ID = "[{n}|{n}|[Adik|Kakak|Teman|Ibu|Ayah|Guru|Paman|Bibi][ saya|ku|]|Seorang [anak|petani|guru|pedagang]|[Toko itu|Sekolah|Pedagang|Petani]]"
PLACE_EN = "[in a box|in a bag|on the table|in the shop|at home|in the basket|on the shelf|in the garden]"
PLACE_ID = "[di kotak|di tas|di meja|di toko|di rumah|di keranjang|di rak|di kebun]"

TRAIN = {
    ("add", "en"): [
        ASK_EN + " {a} [plus|+|and] {b}[?|.|]",
        ASK_EN + " {a}+{b}[?|.|]",
        ASK_EN + " the sum of {a} and {b}[?|.|]",
        "[Add|Add up|Sum] {a} [and|+|to] {b}[.|]",
        "[If you|If I|When you|When I] add {a} [and|to] {b}, what [is the result|do you get|is it|is the total|is the answer]?",
        "[What number|Which number|What] do you get [when you add|by adding|if you add] {a} [and|to] {b}?",
        "The sum of {a} and {b}[ is| is?|?| equals|]",
        "{a} [plus|and|added to] {b} [is|equals|makes|gives] [what|how much|how many]?",
        "What is {b} more than {a}?",
        "[Increase|Raise] {a} by {b}[.|]",
        WHO_EN + " has {a} {t} and [gets|buys|finds|receives|is given|picks] {b} [more|more {t}|other {t}]. How many {t} [are there now|in total|altogether|now|are there in all|is that]?",
        "There are {a} {t} " + PLACE_EN + ". [Someone|{n}|She|He] [adds|brings|puts in] {b} more. How many {t} are there [now|in total|altogether]?",
        "{n} has {a} {t}. {m} has {b} {t}. How many {t} do they have [together|in total|altogether|in all]?",
        "{n} has {a} {t} and {m} has {b}. [What is the total|How many together|How many in all|How many do they have]?",
        "[A shop|{n}|The baker] sold {a} {t} [in the morning|on Monday|yesterday] and {b} [in the afternoon|on Tuesday|today]. How many {t} [were sold|is that in total|altogether|were sold in total]?",
        "[I have|We have|I bought|We picked] {a} {t}, [and then|then] [I get|I buy|we find|we get] {b} more. How many [do I have|do we have|is that|{t}] [now|in total|]?",
        "There are {a} [boys|red {t}|big {t}] and {b} [girls|blue {t}|small {t}]. How many [are there|in total|altogether|is that]?",
        "[A book|A ticket|A pen|Lunch] costs {a} and [a bag|a drink|a toy|a cake] costs {b}. [How much|What] [is the total|do they cost together|is it altogether|must I pay]?",
        "[Total of|Sum of|Result of] {a} and {b}[?|]",
        "[How many|How much] is {a} [and|plus] {b} [together|altogether|in total|]?",
    ],
    ("add", "id"): [
        ASK_ID + " {a} [tambah|ditambah|+|plus] {b}[?|.|]",
        ASK_ID + " {a}+{b}[?|.|]",
        ASK_ID + " jumlah [dari |]{a} dan {b}[?|.|]",
        "[Jumlahkan|Tambahkan|Jumlah dari|Jumlah] {a} [dan|dengan] {b}[.|]",
        "{a} [tambah|ditambah|ditambahkan|plus|+|dan] {b} [berapa|sama dengan|sama dengan berapa|hasilnya berapa|jadi berapa|itu berapa|ada berapa]?",
        "[Kalau|Jika|Bila] {a} [ditambah|ditambahkan dengan|dijumlahkan dengan] {b}, [hasilnya berapa|berapa hasilnya|jadi berapa|berapa jumlahnya]?",
        "{a} [tambah|ditambah] {b}",
        "Berapa [hasil penjumlahan|penjumlahan] {a} dan {b}?",
        WHO_ID + " [punya|mempunyai|memiliki] {a} {t}, lalu [dapat|membeli|menemukan|mendapat|diberi|memetik] {b} [lagi|{t} lagi]. Berapa [jumlah {t}|{t}|{t} semuanya|jumlahnya] [sekarang|seluruhnya|]?",
        "Ada {a} {t} " + PLACE_ID + ". [Kemudian|Lalu|Setelah itu] [ditambah|{n} menaruh|{n} membawa|datang] {b} lagi. [Berapa semuanya|Berapa jumlah {t} sekarang|Ada berapa {t} sekarang|Berapa {t} sekarang]?",
        "{n} [punya|mempunyai] {a} {t}. {m} [punya|mempunyai] {b} {t}. [Berapa jumlah {t} mereka|Berapa {t} mereka berdua|Berapa semuanya|Berapa jumlah semuanya]?",
        "{n} [punya|memiliki] {a} {t} dan {m} [punya|memiliki] {b}. [Berapa totalnya|Berapa jumlahnya|Totalnya berapa|Jadi berapa semuanya]?",
        "[Toko|{n}|Pedagang] menjual {a} {t} [pada pagi hari|hari Senin|kemarin|tadi pagi] dan {b} [pada sore hari|hari Selasa|hari ini|tadi siang]. Berapa {t} [yang terjual|terjual semuanya|seluruhnya]?",
        "[Aku|Saya|Kami] [punya|beli|membeli] {a} {t}, [lalu|kemudian] [beli|dapat|diberi] {b} lagi. [Jadi berapa|Berapa semuanya|Sekarang berapa|Berapa jumlahnya]?",
        "[Di kelas|Di sekolah|Di taman] ada {a} [anak laki-laki|siswa laki-laki] dan {b} [anak perempuan|siswa perempuan]. [Berapa jumlahnya|Berapa semuanya|Ada berapa anak]?",
        "Harga [buku|pensil|tas|nasi] {a} dan harga [kue|roti|minuman|permen] {b}. [Berapa totalnya|Berapa yang harus dibayar|Total harganya berapa|Berapa jumlah harganya]?",
        "[Total|Jumlah|Hasil penjumlahan] {a} dan {b} [adalah|berapa|]?",
    ],
    ("sub", "en"): [
        ASK_EN + " {a} [minus|-|take away|less] {b}[?|.|]",
        ASK_EN + " {a}-{b}[?|.|]",
        "[Subtract|Take|Take away] {b} from {a}[.|]",
        ASK_EN + " the difference between {a} and {b}[?|.|]",
        "[If you|If I|When you|When I] [subtract|take|take away] {b} from {a}, what [is the result|do you get|is left|remains|is the answer]?",
        "{a} [minus|take away|less] {b} [is|equals|makes|gives] [what|how much]?",
        "What is {b} less than {a}?",
        "[Decrease|Reduce|Lower] {a} by {b}[.|]",
        "What [is left|remains] [if you|when you] take {b} [away from|from] {a}?",
        WHO_EN + " has {a} {t} and [gives away|loses|sells|eats|uses|throws away] {b}[| of them]. How many {t} are [left|there now|left over|still there]?",
        "There are {a} {t} " + PLACE_EN + ". [{n} takes|Someone takes|She takes|He takes|{n} removes] {b}[| away| of them]. How many [are left|remain|{t} are left|{t} remain]?",
        "{n} has {a} {t}. [{m} takes|{n} gives {m}|{n} loses|{n} sells] {b}[| of them]. How many {t} [are left|does {n} have now|does {n} still have|remain]?",
        "[I had|I have|We had|We have] {a} {t} [and lost|and sold|but gave away|and used] {b}. How many [are left|remain|do I have now|{t} are left]?",
        "[A shop has|The shop had|The baker had] {a} {t} and [sells|sold] {b}. How many [are left|remain|{t} are left]?",
        "[I paid with|{n} has|I have] {a} [dollars|coins] and [spends|spend|pay] {b}. How much is left?",
        "How much is left of {a} after [taking away|removing|using] {b}?",
    ],
    ("sub", "id"): [
        ASK_ID + " {a} [kurang|dikurangi|dikurang|-|minus|min] {b}[?|.|]",
        ASK_ID + " {a}-{b}[?|.|]",
        "[Kurangkan|Kurangi] {a} dengan {b}[.|]",
        ASK_ID + " selisih [dari |antara |]{a} dan {b}[?|.|]",
        "{a} [kurang|dikurangi|dikurang|minus|diambil|-] {b} [berapa|sama dengan|sama dengan berapa|hasilnya berapa|sisa berapa|jadi berapa|itu berapa]?",
        "[Kalau|Jika|Bila] {a} [dikurangi|dikurang|diambil] {b}, [hasilnya berapa|berapa hasilnya|sisanya berapa|berapa sisanya]?",
        "{a} [kurang|dikurangi] {b}",
        "Berapa [hasil pengurangan|pengurangan] {a} [dengan|oleh] {b}?",
        WHO_ID + " [punya|mempunyai|memiliki] {a} {t}, lalu [memberikan|kehilangan|menjual|memakan|memakai|membuang] {b}[| di antaranya]. Berapa [sisa {t}|{t} yang tersisa|sisanya|{t} sekarang]?",
        "Ada {a} {t} " + PLACE_ID + ". [{n} mengambil|Diambil|Seseorang mengambil|Dipakai] {b}. [Berapa sisanya|Berapa {t} yang tersisa|Tinggal berapa|Sisa berapa]?",
        "{n} [punya|mempunyai] {a} {t}. [{m} meminta|Ia memberi {m}|Ia menjual|Hilang] {b}. [Berapa {t} {n} sekarang|Berapa sisa {t} {n}|Berapa sisanya|Tinggal berapa]?",
        "[Aku|Saya|Kami] [punya|ada] {a} {t}, [hilang|terjual|dipakai|dimakan] {b}. [Sisanya berapa|Tinggal berapa|Berapa sisanya|Sisa berapa]?",
        "[Toko|Pedagang|Penjual] [punya|memiliki] {a} {t} dan [terjual|menjual] {b}. [Berapa sisanya|Berapa {t} yang belum terjual|Tinggal berapa]?",
        "Uang [saya|{n}|adik|Ibu] {a}, [dipakai|dibelanjakan|dibelikan {t}] {b}. [Berapa sisanya|Sisa uangnya berapa|Berapa uangnya sekarang]?",
        "Berapa sisa {a} [setelah|kalau|jika] [dikurangi|diambil] {b}?",
    ],
    ("mul", "en"): [
        ASK_EN + " {a} [times|×|x|*|multiplied by] {b}[?|.|]",
        ASK_EN + " {a}[×|x|*]{b}[?|.|]",
        ASK_EN + " the product of {a} and {b}[?|.|]",
        "Multiply {a} [by|and|with] {b}[.|]",
        "[If you|If I|When you|When I] multiply {a} [by|and|with] {b}, what [is the result|do you get|is it|is the answer]?",
        "{a} [times|multiplied by] {b} [is|equals|makes|gives] [what|how much]?",
        "The product of {a} and {b}[ is| is?|?| equals|]",
        "[How many|How much|What] is {a} groups of {b}?",
        "There are {a} [boxes|bags|baskets|shelves|rows] with {b} {t} [each|in each|in every one]. How many {t} [are there|in total|altogether|in all]?",
        "{n} has {a} [boxes|bags|packs|baskets]. [Each|Every] one [holds|has|contains] {b} {t}. How many {t} [are there|in total|does {n} have|altogether]?",
        "[Each|Every] [child|student|box|bag] [gets|has|holds] {b} {t}. How many {t} for {a} [children|students|boxes|bags]?",
        "[One|A] [book|ticket|pen|toy|cake] costs {b}. [How much|What] do {a} [of them |]cost?",
        "{n} [reads|buys|makes|picks] {b} [pages|{t}] [a day|every day|each day]. How many in {a} days?",
        "{a} rows of {b} {t}[.|:] [How many|How many in all|How many {t}]?",
        "[A room has|We have] {a} tables with {b} chairs each. How many chairs?",
    ],
    ("mul", "id"): [
        ASK_ID + " {a} [kali|×|x|*|dikali|dikalikan] {b}[?|.|]",
        ASK_ID + " {a}[×|x|*]{b}[?|.|]",
        ASK_ID + " [perkalian|hasil kali] {a} [dan|dengan] {b}[?|.|]",
        "Kalikan {a} [dengan|dan] {b}[.|]",
        "{a} [kali|dikali|dikalikan|x] {b} [berapa|sama dengan|sama dengan berapa|hasilnya berapa|jadi berapa|itu berapa]?",
        "[Kalau|Jika|Bila] {a} [dikali|dikalikan dengan|dikalikan] {b}, [hasilnya berapa|berapa hasilnya|jadi berapa]?",
        "{a} [kali|dikali] {b}",
        "Ada {a} [kotak|tas|keranjang|rak|baris], [masing-masing|setiap kotak|tiap-tiap] [berisi|isinya|ada] {b} {t}. Berapa [jumlah {t}|{t} semuanya|{t} seluruhnya|semuanya]?",
        "{n} [punya|membeli|mempunyai] {a} [kotak|bungkus|kantong|keranjang]. [Setiap|Tiap] [kotak|bungkus|kantong] [berisi|isinya] {b} {t}. Berapa [jumlah {t}|{t} semuanya|semuanya|{t} {n}]?",
        "[Setiap|Tiap] [anak|siswa|kotak] [mendapat|dapat|berisi] {b} {t}. Berapa {t} untuk {a} [anak|siswa|kotak]?",
        "Harga [satu|sebuah] [buku|pensil|tas|kue|roti] {b}. Berapa harga {a} [buku|pensil|tas|kue|roti|buah]?",
        "{n} [membaca|membeli|membuat|memetik] {b} [halaman|{t}] [sehari|setiap hari|per hari]. Berapa dalam {a} hari?",
        "{a} baris, tiap baris {b} {t}. [Berapa semuanya|Berapa {t}|Ada berapa {t}|Jumlahnya berapa]?",
        "Berapa [hasil|] {a} kelompok [yang berisi|isi] {b}?",
    ],
    ("div", "en"): [
        ASK_EN + " {a} [divided by|÷|/|:|over] {b}[?|.|]",
        ASK_EN + " {a}[÷|/|:]{b}[?|.|]",
        ASK_EN + " the quotient of {a} and {b}[?|.|]",
        "[Divide|Split|Share] {a} [by|into|among] {b}[.|]",
        "[If you|If I|When you|When I] divide {a} by {b}, what [is the result|do you get|is it|is the answer]?",
        "{a} divided by {b} [is|equals|makes|gives] [what|how much]?",
        "How many times does {b} go into {a}?",
        "How many {b}s [are there|are] in {a}?",
        WHO_EN + " [shares|splits|divides] {a} {t} [equally |evenly |][among|between] {b} [children|friends|people|students|boxes|bags]. How many [does each get|each|{t} does each one get|for each]?",
        "{a} {t} are [put|packed|divided|placed] into {b} [boxes|bags|baskets|groups] [equally|evenly|]. How many {t} [in each|per box|are in each one|does each hold]?",
        "There are {a} {t} [and|for] {b} [children|friends|people|students]. How many [does each one get|for each|does each get]?",
        "{n} has {a} {t} and puts {b} in each [box|bag|basket]. How many [boxes|bags|baskets] [are full|are needed|can {n} fill|does {n} fill]?",
        "Share {a} {t} [equally |][among|between] {b} [children|friends|people]. How many each?",
        "{b} [tickets|books|toys|cakes] cost {a}. How much [is one|does one cost|for one]?",
    ],
    ("div", "id"): [
        ASK_ID + " {a} [bagi|dibagi|÷|/|:|dibagi dengan] {b}[?|.|]",
        ASK_ID + " {a}[÷|/|:]{b}[?|.|]",
        ASK_ID + " [pembagian|hasil bagi] {a} [dengan|oleh|dan] {b}[?|.|]",
        "[Bagikan|Bagi] {a} [dengan|menjadi|oleh] {b}[.|]",
        "{a} [bagi|dibagi|:] {b} [berapa|sama dengan|sama dengan berapa|hasilnya berapa|jadi berapa|itu berapa]?",
        "[Kalau|Jika|Bila] {a} [dibagi|dibagi dengan|dibagi oleh] {b}, [hasilnya berapa|berapa hasilnya|jadi berapa]?",
        "{a} [bagi|dibagi] {b}",
        "Berapa kali {b} [masuk ke|muat dalam] {a}?",
        WHO_ID + " membagi {a} {t} [sama rata |sama banyak |][kepada|untuk] {b} [anak|teman|orang|siswa]. Berapa {t} [untuk tiap orang|untuk masing-masing|yang diterima tiap anak|tiap anak]?",
        "{a} {t} [dimasukkan|dibagi|disusun|dikemas] ke dalam {b} [kotak|tas|keranjang|kelompok] [sama banyak|sama rata|]. Berapa [isi tiap kotak|{t} tiap kotak|isi masing-masing|{t} di setiap kotak]?",
        "Ada {a} {t} untuk {b} [anak|teman|orang|siswa]. [Berapa untuk masing-masing|Masing-masing dapat berapa|Tiap anak dapat berapa]?",
        "{n} [punya|mempunyai] {a} {t} dan [menaruh|memasukkan] {b} di setiap [kotak|tas|keranjang]. Berapa [kotak|tas|keranjang] [yang penuh|yang dibutuhkan|yang terisi]?",
        "Bagikan {a} {t} kepada {b} [anak|teman|orang] [sama rata|sama banyak|]. [Masing-masing dapat berapa|Berapa tiap anak|Berapa masing-masing]?",
        "Harga {b} [buku|tiket|mainan|kue] {a}. Berapa harga [satu|sebuah|satunya]?",
    ],
    # A comparison pattern starts with what it asks for.
    ("cmp", "en"): [
        "larger: [Which is|Which number is|What is|Which one is|Tell me which is] [larger|bigger|greater|more|higher][, {a} or {b}|: {a} or {b}| {a} or {b}]?",
        "smaller: [Which is|Which number is|What is|Which one is|Tell me which is] [smaller|less|lower|the smaller one][, {a} or {b}|: {a} or {b}| {a} or {b}]?",
        "larger: [{a} or {b}|{a} and {b}|Between {a} and {b}][, which is|: which is|, which one is|, what is] [larger|bigger|greater|higher|the larger one|more]?",
        "smaller: [{a} or {b}|{a} and {b}|Between {a} and {b}][, which is|: which is|, which one is|, what is] [smaller|less|lower|the smaller one]?",
        "larger: [Find|Give me|Pick|Choose|Name|Say] the [larger|bigger|greater|higher] [number|one|] of {a} and {b}[.|]",
        "smaller: [Find|Give me|Pick|Choose|Name|Say] the [smaller|lower|lesser] [number|one|] of {a} and {b}[.|]",
        "yes>: [Is|Tell me if|Is it true that] {a} [is |][larger|bigger|greater|more|higher] than {b}?",
        "yes<: [Is|Tell me if|Is it true that] {a} [is |][smaller|less|lower|fewer] than {b}?",
        "yes=: [Is {a} equal to {b}|Are {a} and {b} equal|Is {a} the same as {b}|Are {a} and {b} the same]?",
        "sign: [Compare|Please compare] {a} [and|with|to] {b}[.|]",
        "sign: [Put|Write|Fill in] [the right sign|<, > or =|the correct sign][:| between:] {a} [?|_|...|__] {b}",
        "yes>: {a} > {b}?",
        "yes<: {a} < {b}?",
        "more: {n} has {a} {t} and {m} has {b}[| {t}]. Who has more[| {t}]?",
        "fewer: {n} has {a} {t} and {m} has {b}[| {t}]. Who has [fewer|less][| {t}]?",
        "more: {n} [scored|found|sold|picked] {a} [points|{t}], {m} {b}. Who [has|got] more?",
        "larger: [The red box|Box A|One bag] holds {a} {t}, [the blue box|box B|another] holds {b}. Which [number|amount] is [larger|bigger|more]?",
    ],
    ("cmp", "id"): [
        "larger: [Mana|Manakah|Mana yang|Manakah yang|Bilangan mana yang|Angka mana yang] lebih [besar|banyak|tinggi][, {a} atau {b}|: {a} atau {b}| {a} atau {b}|, {a} dan {b}]?",
        "smaller: [Mana|Manakah|Mana yang|Manakah yang|Bilangan mana yang|Angka mana yang] lebih [kecil|sedikit|rendah][, {a} atau {b}|: {a} atau {b}| {a} atau {b}|, {a} dan {b}]?",
        "larger: [{a} atau {b}|{a} dan {b}|Antara {a} dan {b}|Dari {a} dan {b}][,|:|] [mana|manakah|mana yang|yang mana] lebih [besar|banyak|tinggi]?",
        "smaller: [{a} atau {b}|{a} dan {b}|Antara {a} dan {b}|Dari {a} dan {b}][,|:|] [mana|manakah|mana yang|yang mana] lebih [kecil|sedikit|rendah]?",
        "larger: [Pilih|Sebutkan|Cari|Tentukan] [bilangan|angka|] yang lebih besar[:| dari| antara] {a} dan {b}[.|]",
        "smaller: [Pilih|Sebutkan|Cari|Tentukan] [bilangan|angka|] yang lebih kecil[:| dari| antara] {a} dan {b}[.|]",
        "yes>: [Apakah|Benarkah|Apa|Betulkah] {a} lebih [besar|banyak|tinggi] [dari|daripada] {b}?",
        "yes<: [Apakah|Benarkah|Apa|Betulkah] {a} lebih [kecil|sedikit|rendah] [dari|daripada] {b}?",
        "yes=: [Apakah|Benarkah|Apa] {a} [sama dengan|dan {b} sama dengan|sama besar dengan] {b}?",
        "yes=: [Apakah|Benarkah|Apa] {a} dan {b} sama[| besar]?",
        "sign: [Bandingkan|Coba bandingkan|Tolong bandingkan] {a} [dan|dengan] {b}[.|]",
        "sign: [Isi|Tulis|Tentukan] [tanda yang benar|<, > atau =|tanda yang tepat]: {a} [?|_|...|__] {b}",
        "more: {n} [punya|mempunyai|memiliki] {a} {t} dan {m} [punya|mempunyai|memiliki] {b}[| {t}]. Siapa [yang lebih banyak|yang punya lebih banyak|lebih banyak]?",
        "fewer: {n} [punya|mempunyai|memiliki] {a} {t} dan {m} [punya|mempunyai|memiliki] {b}[| {t}]. Siapa [yang lebih sedikit|yang punya lebih sedikit|lebih sedikit]?",
        "more: {n} [mendapat|menemukan|menjual|memetik] {a} [poin|{t}], {m} {b}. Siapa [yang |]lebih banyak?",
        "larger: [Kotak merah|Kotak A|Tas ini] berisi {a} {t}, [kotak biru|kotak B|tas itu] berisi {b}. Mana yang lebih [banyak|besar]?",
    ],
}

# Patterns added during the run, from the step the generator names: what evaluation showed to be weak or missing.
LATER = {
    ("add", "en"): [
        "{n} has {a} {t}[, then|. Then|and then] [gets|buys|finds|wins] {b}[| more][,|.] [how many {t} now|how many now|how many {t} does {n} have|how many are there]?",
    ],
    ("add", "id"): [
        "{n} punya {a} {t} dan [beli|dapat|membeli|menerima] {b} lagi[.|,] [berapa {t} {n}|Berapa {t} {n} sekarang|Berapa semuanya|jadi berapa]?",
    ],
    ("sub", "en"): [
        "{n} has {a} {t} and [eats|sells|gives away|loses|uses|drops] {b}[,|.] [how many are left|how many {t} are left|how many {t} does {n} have|what is left]?",
        "[I|We] have {a} {t} and [eat|sell|give away|lose|use] {b}[,|.] [how many are left|how many {t} are left|how many now|what is left]?",
    ],
    ("sub", "id"): [
        "{n} punya {a} {t} dan [makan|memakan|memberi|menjual|memakai|kehilangan] {b}[.|,] Berapa [{t} {n}|{t} {n} sekarang|sisanya|sisa {t}]?",
        "[Saya|Aku] punya {a} {t} dan [makan|memakan|memberi|menjual|memakai] {b}[.|,] Berapa [{t} saya|sisanya|sisa {t}|yang tersisa]?",
    ],
    ("mul", "en"): [
        "If {a} [people|children|boxes|friends|shops] [each have|have|each hold|each get] {b} {t}[ each|][,|] how many {t}[ are there| in total| altogether|]?",
        "{a} [people|children|boxes|bags] [with|have|hold] {b} {t} each[,|.] how many {t}[ in total|]?",
    ],
    ("mul", "id"): [
        "[Kalau|Jika] {a} [orang|anak|kotak|teman] masing-masing [punya|mendapat|berisi] {b} {t}, berapa {t}[ semuanya| seluruhnya|]?",
        "{a} [orang|anak|kotak|tas] masing-masing [punya|berisi|dapat] {b} {t}[.|,] Berapa [semuanya|{t} semuanya|jumlahnya]?",
    ],
    ("div", "en"): [
        "{a} {t} for {b} [children|people|friends|bags|boxes][,|.] how many [each|for each|does each get]?",
    ],
    ("div", "id"): [
        "{a} {t} dibagi [untuk|kepada|ke] {b} [anak|orang|teman|kotak][.|,] [Masing-masing berapa|Berapa masing-masing|Tiap anak berapa]?",
    ],
    ("cmp", "en"): [
        "more: {n} has {a}[| {t}][.|,] {m} has {b}[.|,] Who has more?",
        "fewer: {n} has {a}[| {t}][.|,] {m} has {b}[.|,] Who has [fewer|less]?",
        "more: Who has more[| {t}], {n} with {a} or {m} with {b}?",
        "fewer: Who has [fewer|less][| {t}], {n} with {a} or {m} with {b}?",
        "more: {n}: {a} {t}. {m}: {b} {t}. Who has more?",
        "yes>: [Do you think|So|And] [is |]{a} [is |][larger|bigger|greater] than {b}?",
    ],
    ("cmp", "id"): [
        "more: {n} punya {a}[| {t}][.|,] {m} punya {b}[.|,] Siapa [yang |]lebih banyak?",
        "fewer: {n} punya {a}[| {t}][.|,] {m} punya {b}[.|,] Siapa [yang |]lebih sedikit?",
        "more: Siapa [yang |]lebih banyak, {n} dengan {a} atau {m} dengan {b}?",
        "fewer: Siapa [yang |]lebih sedikit, {n} dengan {a} atau {m} dengan {b}?",
        "more: {n}: {a} {t}. {m}: {b} {t}. Siapa lebih banyak?",
        "yes>: [Menurut kamu|Jadi|Lalu] {a} lebih [besar|banyak] [dari|daripada] {b}?",
    ],
}

HELD_OUT = {
    ("add", "en"): [
        "[What is the total of|Please add] {a} and {b}[?|.]",
        "{n} [collects|owns] {a} {t}. Later {m} gives {n} {b} more {t}. How many {t} does {n} have now?",
        "[So what is|And] {a} plus {b}?",
    ],
    ("add", "id"): [
        "[Berapa total|Tolong jumlahkan] {a} dan {b}[?|.]",
        "{n} [mengumpulkan|menyimpan] {a} {t}. Kemudian {m} memberi {b} {t} lagi. Berapa {t} {n} sekarang?",
        "[Jadi berapa|Kalau] {a} ditambah {b}?",
    ],
    ("sub", "en"): [
        "[Please subtract|Can you subtract] {b} from {a}[?|.]",
        "[So what is|And] {a} minus {b}?",
        "A [basket|box] holds {a} {t}. After {n} takes {b} of them, how many are left?",
    ],
    ("sub", "id"): [
        "[Tolong kurangi|Coba kurangi] {a} dengan {b}[?|.]",
        "[Jadi berapa|Kalau] {a} dikurangi {b}?",
        "Sebuah keranjang berisi {a} {t}. Setelah {n} mengambil {b}, berapa sisanya?",
    ],
    ("mul", "en"): [
        "[Please multiply|Can you multiply] {a} by {b}[?|.]",
        "[So what is|And] {a} times {b}?",
        "{n} buys {a} bags. Each bag contains {b} {t}. How many {t} is that?",
    ],
    ("mul", "id"): [
        "[Tolong kalikan|Coba kalikan] {a} dengan {b}[?|.]",
        "[Jadi berapa|Kalau] {a} kali {b}?",
        "{n} membawa {a} keranjang. Setiap keranjang berisi {b} {t}. Berapa {t} semuanya?",
    ],
    ("div", "en"): [
        "[Please divide|Can you divide] {a} by {b}[?|.]",
        "[So what is|And] {a} divided by {b}?",
        "{n} wants to share {a} {t} with {b} friends. How many {t} for each friend?",
    ],
    ("div", "id"): [
        "[Tolong bagi|Coba bagi] {a} dengan {b}[?|.]",
        "[Jadi berapa|Kalau] {a} dibagi {b}?",
        "{n} ingin membagi {a} {t} kepada {b} teman. Berapa {t} untuk tiap teman?",
    ],
    ("cmp", "en"): [
        "larger: Which of {a} and {b} is [larger|bigger]?",
        "smaller: Which of {a} and {b} is smaller?",
        "yes>: Would you say {a} is larger than {b}?",
    ],
    ("cmp", "id"): [
        "larger: Di antara {a} dan {b}, mana yang lebih besar?",
        "smaller: Di antara {a} dan {b}, mana yang lebih kecil?",
        "yes>: Menurutmu apakah {a} lebih besar dari {b}?",
    ],
}

SYSTEM_PROMPTS = [
    "You are a helpful assistant.",
    "You are a friendly maths tutor.",
    "You are nano, a small model that does arithmetic.",
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    "Answer briefly.",
    "Be concise and honest.",
    "You help children with their homework.",
    "Answer in one sentence.",
    "Think step by step.",
    "Kamu adalah asisten yang membantu.",
    "Anda adalah asisten yang ramah.",
    "Kamu adalah guru matematika yang sabar.",
    "Jawab dengan singkat.",
    "Jawablah dengan jujur dan jelas.",
    "Kamu membantu anak-anak belajar berhitung.",
    "You are a calculator. Give the result only.",
    "You are a careful assistant running on the user's own device.",
    "Bantu pengguna menghitung.",
]
