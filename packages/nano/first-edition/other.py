"""Everything that is not a small sum, and the short honest sentence that answers it.

A topic has question patterns in both languages, one short thought and one reply a language.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from wording import ASK_EN, ASK_ID, NAMES, THINGS_EN, THINGS_ID, expand


@dataclass(frozen=True)
class Topic:
    thought: dict[str, str]
    reply: dict[str, str]
    train: dict[str, list[str]]
    held_out: dict[str, list[str]]


WORDS_EN = (
    "river mountain city village market doctor nurse driver plane train bus ticket hotel beach island forest tiger elephant bird fish snake "
    "rice noodles coffee sugar salt pepper soup chicken beef vegetable fruit garden kitchen window door table bed lamp phone screen keyboard "
    "email website video film actor singer guitar piano drum dance game player team ball goal race winner prize medal king queen war peace law "
    "police court judge bank loan tax price shop customer factory engine oil metal iron silver glass paper ink pen color red green blue white "
    "black big small fast slow hot cold new old good bad happy angry afraid clever strong weak early late north south east west summer winter "
    "morning evening week month century planet star galaxy atom electron cell gene virus medicine hospital tooth heart blood bone eye hand foot "
    "mother father uncle aunt cousin baby friend neighbour teacher student exam lesson language word sentence poem novel library museum church "
    "mosque temple god angel ghost dragon magic secret dream idea truth reason question answer problem solution plan project job salary boss "
    "office meeting report holiday travel map road bridge tower castle house roof wall stone sand snow wind storm thunder rainbow flower tree"
).split()
WORDS_ID = (
    "sungai gunung kota desa pasar dokter perawat sopir pesawat kereta bus tiket hotel pantai pulau hutan harimau gajah burung ikan ular nasi "
    "mie kopi gula garam merica sup ayam sapi sayur buah kebun dapur jendela pintu meja ranjang lampu ponsel layar papan surel situs video film "
    "aktor penyanyi gitar piano gendang tarian permainan pemain tim bola gol lomba juara hadiah medali raja ratu perang damai hukum polisi "
    "pengadilan hakim bank pinjaman pajak harga toko pelanggan pabrik mesin minyak logam besi perak kaca kertas tinta pena warna merah hijau "
    "biru putih hitam besar kecil cepat lambat panas dingin baru lama baik buruk senang marah takut pandai kuat lemah utara selatan timur barat "
    "kemarau hujan pagi malam minggu bulan abad planet bintang galaksi atom elektron sel gen virus obat rumah gigi jantung darah tulang mata "
    "tangan kaki ibu ayah paman bibi sepupu bayi teman tetangga guru murid ujian pelajaran bahasa kata kalimat puisi novel perpustakaan museum "
    "gereja masjid candi malaikat hantu naga sihir rahasia mimpi gagasan kebenaran alasan pertanyaan jawaban masalah rencana proyek pekerjaan "
    "gaji atasan kantor rapat laporan liburan perjalanan peta jalan jembatan menara istana atap dinding batu pasir salju angin badai guntur pelangi"
).split()

SUBJECT_EN = "[the moon|Indonesia|the weather|a computer|history|love|music|football|the sun|water|gold|my dog|cats|Python|the internet|the president|Jakarta|Paris|a black hole|rain|bread|tea|school|the sea|dreams|trees|money|art|life|a volcano|batik|the brain|time|chess|space|a robot|photosynthesis|gravity|democracy]"
SUBJECT_ID = "[bulan|Indonesia|cuaca|komputer|sejarah|cinta|musik|sepak bola|matahari|air|emas|anjing saya|kucing|Python|internet|presiden|Jakarta|Paris|lubang hitam|hujan|roti|teh|sekolah|laut|mimpi|pohon|uang|seni|kehidupan|gunung api|batik|otak|waktu|catur|luar angkasa|robot|fotosintesis|gravitasi|demokrasi]"

BIG = "{large}"  # filled with a number above 999

TOPICS: dict[str, Topic] = {
    "greeting": Topic(
        {"en": "A greeting.", "id": "Sapaan."},
        {
            "en": "Hello! I am nano, laju's small bundled model. Ask me a small sum, like 12 + 7.",
            "id": "Halo! Saya nano, model kecil bawaan laju. Coba tanya hitungan kecil, misalnya 12 + 7.",
        },
        {
            "en": [
                "[Hi|Hello|Hey|Hello there|Hi there|Hey there|Hiya|Good morning|Good afternoon|Good evening|Greetings|Yo][!|.|,| nano|, nano!| nano!| friend| everyone|]",
                "[Hi|Hello|Hey][,|!] how are you[| today| doing]?",
                "[How are you|How is it going|How do you do|What's up|How are things|Nice to meet you][?|!|]",
            ],
            "id": [
                "[Hai|Halo|Hei|Halo semua|Selamat pagi|Selamat siang|Selamat sore|Selamat malam|Pagi|Assalamualaikum|Permisi|Hai hai][!|.|,| nano|, nano!| nano!| teman|]",
                "[Hai|Halo|Hei][,|!] apa kabar[| hari ini]?",
                "[Apa kabar|Bagaimana kabarmu|Gimana kabarnya|Kabarmu baik|Senang bertemu denganmu][?|!|]",
            ],
        },
        {"en": ["Hello, nice to see you!", "Hey nano, good day!"], "id": ["Halo, senang jumpa!", "Hai nano, selamat datang!"]},
    ),
    "identity": Topic(
        {"en": "A question about me.", "id": "Pertanyaan tentang saya."},
        {
            "en": "I am nano, laju's small bundled model. I can add, subtract, multiply, divide and compare small whole numbers.",
            "id": "Saya nano, model kecil bawaan laju. Saya bisa menambah, mengurangi, mengalikan, membagi, dan membandingkan bilangan kecil.",
        },
        {
            "en": [
                "[Who|What] are you[| exactly| really]?",
                "[What is|What's|Tell me] your name[?|.|]",
                "[Introduce|Describe] yourself[| please][.|]",
                "Tell me about yourself[.|]",
                "[Are you|Is this] [a human|a robot|an AI|a chatbot|ChatGPT|Qwen|a person|real|nano|a model|alive]?",
                "[What can you do|What do you do|What are you good at|What can I ask|What can I ask you|How can you help me|What do you know|Can you help me|What are your skills|Help|help me][?|]",
                "[Who|What company] [made|built|created|trained] you?",
                "[What kind of|Which] model [are you|is this]?",
                "How [big|large|small|old] are you?",
            ],
            "id": [
                "[Siapa|Apa] [kamu|Anda|kau|dirimu][| sebenarnya| ini]?",
                "[Kamu|Anda] [siapa|ini siapa|ini apa|itu apa][| ya]?",
                "[Siapa|Apa] [namamu|nama kamu|nama Anda]?",
                "[Perkenalkan|Ceritakan tentang|Jelaskan] [dirimu|diri Anda|diri kamu][.|]",
                "[Apakah|Apa] [kamu|Anda] [manusia|robot|AI|sebuah AI|ChatGPT|Qwen|orang|nyata|nano|sebuah model|hidup]?",
                "[Apa yang bisa kamu lakukan|Kamu bisa apa|Kamu bisa apa saja|Apa kemampuanmu|Apa yang bisa saya tanyakan|Bisa bantu apa|Bisakah kamu membantu saya|Apa yang kamu tahu|Kamu bisa bantu apa|Tolong|Bantu saya][?|]",
                "[Siapa|Perusahaan apa] yang [membuat|menciptakan|melatih] [kamu|Anda|kamu ini]?",
                "[Model apa|Jenis model apa] [kamu|ini|kamu ini]?",
                "[Seberapa besar|Berapa umur] [kamu|Anda]?",
            ],
        },
        {"en": ["So who exactly are you?", "And what are you able to do?"], "id": ["Jadi kamu itu siapa?", "Kamu mampu melakukan apa?"]},
    ),
    "thanks": Topic(
        {"en": "Thanks or goodbye.", "id": "Terima kasih atau pamit."},
        {"en": "You're welcome! Ask me another small sum any time.", "id": "Sama-sama! Silakan tanya hitungan kecil lagi kapan saja."},
        {
            "en": [
                "[Thanks|Thank you|Thank you so much|Thanks a lot|Many thanks|Thx|Great, thanks|Thank you very much|Ok thanks|Cheers][!|.| nano|, nano|]",
                "[Bye|Goodbye|See you|See you later|Good night|Bye bye|Take care][!|.| nano|]",
                "[Good job|Well done|Great|Nice|Cool|Ok|Okay|Perfect|Very good|Awesome][!|.|]",
            ],
            "id": [
                "[Terima kasih|Makasih|Terima kasih banyak|Thanks ya|Makasih banyak|Trims|Oke, terima kasih|Terima kasih ya][!|.| nano|, nano|]",
                "[Dadah|Sampai jumpa|Sampai nanti|Selamat tidur|Dah|Selamat tinggal|Sampai bertemu lagi][!|.| nano|]",
                "[Bagus|Hebat|Pintar|Keren|Oke|Baik|Mantap|Bagus sekali|Luar biasa][!|.|]",
            ],
        },
        {"en": ["Thank you, that helped!"], "id": ["Terima kasih, sangat membantu!"]},
    ),
    "general": Topic(
        {"en": "This is not a small sum.", "id": "Ini bukan hitungan kecil."},
        {
            "en": "Sorry, I do not know that. I only do sums and comparisons with small whole numbers.",
            "id": "Maaf, saya tidak tahu itu. Saya hanya bisa menghitung dan membandingkan bilangan bulat kecil.",
        },
        {
            "en": [
                f"[What is|What's|Tell me about|Explain|Describe|Who knows about|What do you know about|Do you like|Why is|Where is|Can you explain|Write about|How does|Talk about] {SUBJECT_EN}[?|.|]",
                f"[Write|Make|Tell me|Give me|Compose] [a story|a poem|a joke|an essay|a song|a letter|a recipe|a fact|a summary|an email][ about {SUBJECT_EN}|][.|]",
                "What is the capital of [France|Indonesia|Japan|Italy|Spain|Brazil|Egypt|Malaysia|India|Germany|Australia]?",
                "[Who|Who was|Who is] [the president of Indonesia|Albert Einstein|Soekarno|the king|Kartini|the first man on the moon|Napoleon|the author of this book|your favourite singer|Shakespeare]?",
                "[When|In what year|Why] did [the war end|Indonesia become independent|the wall fall|he leave|it happen|the dinosaurs die]?",
                "[Translate|How do you say|Spell] [hello|good morning|cat|thank you|house|water] [in|into|to] [Indonesian|French|Japanese|English|Spanish][.|?|]",
                "How do I [cook rice|fix my phone|learn English|make coffee|sleep better|get to the station|lose weight|grow tomatoes|tie a tie|write a letter]?",
                "[Write|Show me|Give me] [a Python function|some code|a JavaScript loop|an SQL query|a regex|a web page][ for me|][.|]",
                "[What|Which] [day|month|year|time|date] is it[| today| now]?",
                "[Can|Could|Will] you [sing|dance|drive a car|draw a cat|play music|see me|write code|book a flight|call my mother|tell the future]?",
                "[I am|I feel] [sad|happy|tired|hungry|bored|late|sick][.|]",
                "[Why is the sky blue|What is the meaning of life|Is there life on Mars|Do you dream|What should I eat|Will it rain tomorrow|Who won the match|What colour is the sea|Where do I live|Do fish sleep][?|]",
                "[What is|Solve|Find] [the square root of {s}|sin {s}|the derivative of x|x in 2x = {s}|{s} factorial|the log of {s}|pi|a prime number|the area of a circle|{s} percent of {s}|{s} squared|{s} to the power of {s}][?|]",
                "[How many|How much|How long|How far|How old|How tall|How heavy] [people live in Jakarta|is a kilo of rice|is the river|is the sun|is the oldest tree|is that mountain|is an elephant|days are in a year|hours are in a day|legs has a spider|is a ticket|planets are there]?",
                "[{n} has {s} {t}. What colour are they|{n} is {s} years old. Where does {n} live|{n} likes {t}. Why|{n} bought {t} at the shop. Who is {n}]?",
                "[What is|Tell me about|Who has|Why do we need|Where can I find|Do you know|Explain|How do I make|When is|Describe|Is there|I like|I want|Can you find][| a| the| my| some| his] {w}[| {w}| and {w}| or {w}| of the {w}| with {w}| in the {w}][?|.|]",
                "[The|My|This|Our] {w} [is|was|has|needs|likes|looks] [|a |very |the |too ]{w}[.|!|]",
                "[Which is better|Which is nicer|What is the difference between|Compare|What is the sum of][, |: | ]{w} [or|and] {w}[?|]",
                "[{w}|{w} {w}|{w} {w} {w}|{s} {w}|{w} {s}][?|.|!|]",
                "[blah|asdf|hmm|lol|what|test|testing|xyz|foo bar|why|really|yes|no|maybe][?|!|]",
            ],
            "id": [
                f"[Apa itu|Ceritakan tentang|Jelaskan|Apa yang kamu tahu tentang|Apakah kamu suka|Di mana|Mengapa ada|Bisa jelaskan|Tulis tentang|Bagaimana cara kerja|Kenapa] {SUBJECT_ID}[?|.|]",
                f"[Tulis|Buatkan|Ceritakan|Beri saya|Tuliskan] [cerita|puisi|lelucon|esai|lagu|surat|resep|fakta|ringkasan|pantun][ tentang {SUBJECT_ID}|][.|]",
                "[Apa ibu kota|Apa nama ibu kota|Ibu kota] [Prancis|Indonesia|Jepang|Italia|Spanyol|Brasil|Mesir|Malaysia|India|Jerman|Australia][?|]",
                "Siapa [presiden Indonesia|Albert Einstein|Soekarno|raja itu|Kartini|orang pertama di bulan|Napoleon|penulis buku ini|penyanyi favoritmu|Diponegoro]?",
                "[Kapan|Tahun berapa|Mengapa] [perang berakhir|Indonesia merdeka|tembok itu runtuh|dia pergi|itu terjadi|dinosaurus punah]?",
                "[Terjemahkan|Apa bahasa Inggrisnya|Apa arti] [halo|selamat pagi|kucing|terima kasih|rumah|air|semangat][ ke bahasa Inggris|ke bahasa Jepang|][?|.|]",
                "Bagaimana cara [memasak nasi|memperbaiki ponsel|belajar bahasa Inggris|membuat kopi|tidur nyenyak|pergi ke stasiun|menanam tomat|menulis surat|menabung]?",
                "[Tulis|Tunjukkan|Buatkan] [fungsi Python|kode program|halaman web|kueri SQL|program JavaScript][.|]",
                "[Hari apa|Jam berapa|Tanggal berapa|Bulan apa|Tahun berapa] [ini|sekarang|hari ini]?",
                "[Bisakah|Apakah|Maukah] kamu [bisa menyanyi|menari|menyetir mobil|menggambar kucing|bermain musik|melihat saya|menulis kode|memesan tiket|menelepon ibu saya|meramal]?",
                "[Aku|Saya] [sedih|senang|lelah|lapar|bosan|terlambat|sakit][.|]",
                "[Kenapa langit biru|Apa arti hidup|Apakah ada kehidupan di Mars|Apa kamu bermimpi|Makan apa hari ini|Apakah besok hujan|Siapa yang menang|Apa warna laut|Di mana rumah saya|Apakah ikan tidur][?|]",
                "[Berapa|Hitung|Cari] [akar dari {s}|sin {s}|turunan x|x jika 2x = {s}|{s} faktorial|log {s}|nilai pi|bilangan prima|luas lingkaran|{s} persen dari {s}|{s} kuadrat|{s} pangkat {s}][?|]",
                "[Berapa|Berapa banyak|Berapa jauh|Berapa lama] [penduduk Jakarta|harga beras sekilo|panjang sungai itu|jarak ke matahari|umur pohon itu|tinggi gunung itu|berat gajah|hari dalam setahun|jam dalam sehari|kaki laba-laba|harga tiket|jumlah planet]?",
                "[{n} punya {s} {t}. Apa warnanya|{n} berumur {s} tahun. Di mana rumah {n}|{n} suka {t}. Kenapa|{n} membeli {t} di toko. Siapa {n}]?",
                "[Apa itu|Ceritakan tentang|Siapa punya|Mengapa kita perlu|Di mana ada|Apa kamu tahu|Jelaskan|Bagaimana membuat|Kapan ada|Gambarkan|Apakah ada|Saya suka|Saya mau|Bisa carikan] {w}[| {w}| dan {w}| atau {w}| itu| ini| dengan {w}| di {w}][?|.|]",
                "{w} [saya|ini|itu|kami] [adalah|punya|perlu|suka|sangat|terlalu] {w}[.|!|]",
                "[Mana yang lebih bagus|Lebih baik mana|Apa beda|Bandingkan|Berapa jumlah][, |: | ]{w} [atau|dan] {w}[?|]",
                "[{w} ini|{w} {w}|{w} {w} {w}|{s} {w} ini|{w} itu {s}][?|.|!|]",
                "[blabla|asdf|hmm|wkwk|apa|tes|coba|haha|kenapa|masa|ya|tidak|mungkin][?|!|]",
            ],
        },
        {
            "en": ["What do elephants eat?", "Please write a short poem about the rain.", "Who invented the telephone?", "What is your favourite colour?"],
            "id": ["Gajah makan apa?", "Tolong tulis puisi pendek tentang hujan.", "Siapa penemu telepon?", "Apa warna kesukaanmu?"],
        },
    ),
    "large": Topic(
        {"en": "That is outside my range.", "id": "Itu di luar jangkauan saya."},
        {
            "en": "Sorry, these numbers are too large for me. I know 0 to 999, with times and division up to 12.",
            "id": "Maaf, bilangan ini terlalu besar bagi saya. Saya tahu 0 sampai 999, dengan kali dan bagi sampai 12.",
        },
        {
            "en": [
                ASK_EN + " [{large} [plus|+|and|minus|-] {any}|{any} [plus|+|and|minus|-] {large}|{tall} [times|x|*|×] {tall}|{wide} [times|x|*|×] {s}|{large} [divided by|/|÷] {s}|{s} [divided by|/|÷] {tall}][?|]",
                "[{large}[+|-]{any}|{any}[+|-]{large}|{tall}[x|*|×]{tall}|{wide}[x|*|×]{s}|{large}[/|÷]{s}|{large} + {any}|{tall} [x|*|×] {tall}|{any} - {large}|{large} [/|÷] {s}][| =|=|?]",
                "[Which is larger|Which is smaller|Which is bigger], [{large} or {any}|{any} or {large}]?",
                "{n} has {large} {t} and gets {any} more. How many {t} are there now?",
                "There are {tall} boxes with {tall} {t} each. How many {t}?",
            ],
            "id": [
                ASK_ID + " [{large} [tambah|+|ditambah|kurang|-] {any}|{any} [tambah|+|dikurangi|-] {large}|{tall} [kali|x|*|dikali] {tall}|{wide} [kali|x|*] {s}|{large} [dibagi|bagi|:] {s}|{s} [dibagi|bagi|:] {tall}][?|]",
                "[{large} [tambah|kurang] {any}|{any} [ditambah|dikurangi] {large}|{tall} [kali|dikali] {tall}|{large} dibagi {s}][| berapa?|?]",
                "[Mana yang lebih besar|Mana yang lebih kecil|Mana lebih besar], [{large} atau {any}|{any} atau {large}]?",
                "{n} punya {large} {t}, lalu membeli {any} lagi. Berapa {t} sekarang?",
                "Ada {tall} kotak, setiap kotak berisi {tall} {t}. Berapa {t} semuanya?",
            ],
        },
        {"en": ["Please add {large} and {large}."], "id": ["Tolong jumlahkan {large} dan {large}."]},
    ),
    "missing": Topic(
        {"en": "A number is missing.", "id": "Ada bilangan yang kurang."},
        {"en": "A number is missing. Please give me two small whole numbers.", "id": "Ada bilangan yang kurang. Tolong beri dua bilangan bulat kecil."},
        {
            "en": [
                ASK_EN + " {any} [plus|+|minus|-|times|x|divided by|/][?|]",
                "[Add|Subtract|Multiply|Divide|Compare] [{any}|the numbers|them|two numbers][.|]",
                "{any} [plus|+|minus|-|times|x|*|divided by|/][| =|=|?|]",
                "[Which is larger|Which is smaller|Is it larger|What is larger][, {any}|, {any} or|]?",
                "{n} has {any} {t} and gets some more. How many {t} now?",
                "{n} has some {t} and gives away {any}. How many are left?",
                "There are {any} boxes with {t} in each. How many {t} are there?",
                "{any}[|?|.]",
            ],
            "id": [
                ASK_ID + " {any} [tambah|+|kurang|-|kali|x|dibagi|:][?|]",
                "[Jumlahkan|Kurangkan|Kalikan|Bagikan|Bandingkan] [{any}|bilangan itu|keduanya|dua bilangan][.|]",
                "{any} [tambah|kurang|kali|dibagi|ditambah|dikurangi|dikali][| berapa?|?|]",
                "[Mana yang lebih besar|Mana yang lebih kecil|Mana lebih besar][, {any}|, {any} atau|]?",
                "{n} punya {any} {t}, lalu dapat beberapa lagi. Berapa {t} sekarang?",
                "{n} punya beberapa {t}, lalu memberikan {any}. Berapa sisanya?",
                "Ada {any} kotak berisi {t}. Berapa {t} semuanya?",
                "angka {any}[|?|.]",
            ],
        },
        {"en": ["Please add {any} and."], "id": ["Tolong jumlahkan {any} dan."]},
    ),
    "zero": Topic(
        {"en": "Division by zero.", "id": "Pembagian dengan nol."},
        {"en": "Division by zero has no answer.", "id": "Pembagian dengan nol tidak punya jawaban."},
        {
            "en": [
                ASK_EN + " {any} [divided by|÷|/|:|over] [0|zero|0|0][?|]",
                "{any}[ ÷ |/| / |÷|:| : | divided by ]0[| =|=|?]",
                "[Divide|Split|Share] {any} [by|into] [0|zero][.|]",
            ],
            "id": [
                ASK_ID + " {any} [bagi|dibagi|÷|/|:|dibagi dengan] [0|nol|0|0][?|]",
                "{any} [dibagi|bagi] [0|nol][| berapa?|?]",
                "[Bagikan|Bagi] {any} [dengan|menjadi] [0|nol][.|]",
            ],
        },
        {"en": ["So what is {any} divided by 0?"], "id": ["Jadi berapa {any} dibagi 0?"]},
    ),
    "kind": Topic(
        {"en": "I need whole numbers.", "id": "Saya perlu bilangan bulat."},
        {
            "en": "Sorry, I only know whole numbers from 0 to 999, without fractions or a minus sign.",
            "id": "Maaf, saya hanya tahu bilangan bulat 0 sampai 999, tanpa pecahan atau tanda minus.",
        },
        {
            "en": [
                ASK_EN + " [{frac} [plus|+|minus|-|times|x|divided by|/] {any}|{any} [plus|+|minus|-|times|x|divided by|/] {frac}][?|]",
                "[{frac} [+|-|x|*|/] {any}|{any} [+|x|*|/] {frac}|{frac}[+|-|x|*|/]{any}|-{any} [+|-|x] {any}|{any} [+|-|x|*] -{any}][| =|=|?]",
                "[Which is larger|Which is smaller], [{frac} or {any}|{any} or {frac}|-{any} or {any}]?",
            ],
            "id": [
                ASK_ID + " [{frac} [tambah|+|kurang|-|kali|x|dibagi|:] {any}|{any} [tambah|+|kurang|-|kali|x|dibagi|:] {frac}][?|]",
                "[{frac} [tambah|kurang|kali|dibagi] {any}|{any} [tambah|kurang|kali|dibagi] {frac}|minus {any} [tambah|kurang|kali] {any}][| berapa?|?]",
                "[Mana yang lebih besar|Mana yang lebih kecil], [{frac} atau {any}|{any} atau {frac}|-{any} atau {any}]?",
            ],
        },
        {"en": ["Please add {frac} and {any}."], "id": ["Tolong jumlahkan {frac} dan {any}."]},
    ),
    "several": Topic(
        {"en": "More than one step.", "id": "Lebih dari satu langkah."},
        {
            "en": "Sorry, I only do one step with two numbers at a time.",
            "id": "Maaf, saya hanya bisa satu langkah dengan dua bilangan.",
        },
        {
            "en": [
                ASK_EN + " {s} [plus|+|minus|-|times|x] {s} [plus|+|minus|-|times|x|divided by] {s}[?|]",
                "{s}[ + |+| - |-| x |*]{s}[ + |+| - |-| x |*| / ]{s}[| =|=|?]",
                "[({s} + {s}) x {s}|{s} * ({s} + {s})|({s} - {s}) + {s}|{s} + ({s} x {s})][| =|=|?]",
                "[Which is the largest|Which is the smallest|What is the sum of|Add|Put in order|Sort][: |] {s}, {s} [and|or] {s}[?|]",
            ],
            "id": [
                ASK_ID + " {s} [tambah|+|kurang|-|kali|x] {s} [tambah|+|kurang|-|kali|x|dibagi] {s}[?|]",
                "{s} [tambah|kurang|kali] {s} [tambah|kurang|kali|dibagi] {s}[| berapa?|?]",
                "[Mana yang paling besar|Mana yang terkecil|Berapa jumlah|Jumlahkan|Urutkan][: |] {s}, {s} [dan|atau] {s}[?|]",
            ],
        },
        {"en": ["So what is {s} plus {s} plus {s}?"], "id": ["Jadi berapa {s} tambah {s} tambah {s}?"]},
    ),
}

# How often a topic is drawn, in training and in evaluation.
WEIGHTS = {"greeting": 8, "identity": 12, "thanks": 5, "general": 45, "large": 16, "missing": 8, "zero": 4, "kind": 7, "several": 8}


def _number(slot: str, rng: Random) -> str:
    if slot == "s":  # small: fits any operation, on either side
        return str(rng.randint(2, rng.choice([9, 12, 99])))
    if slot == "any":
        return str(rng.randint(1, rng.choice([9, 99, 999])))
    if slot == "tall":  # too large to be a factor or divisor
        return str(rng.randint(13, rng.choice([30, 99, 999])))
    if slot == "wide":  # too large to be multiplied
        return str(rng.randint(100, rng.choice([200, 999])))
    if slot == "large":
        return str(rng.randint(1000, rng.choice([1999, 9999, 99999, 999999])))
    if slot == "frac":
        return rng.choice([f"{rng.randint(0, 99)}.{rng.randint(1, 9)}", f"{rng.randint(0, 20)},{rng.randint(1, 9)}", f"{rng.randint(1, 5)}/{rng.randint(6, 9)}"])
    raise KeyError(slot)


def other_question(topic: str, language: str, rng: Random, held_out: bool) -> str:
    patterns = TOPICS[topic].held_out if held_out else TOPICS[topic].train
    text = expand(rng.choice(patterns[language]), rng)
    for slot in ("s", "any", "tall", "wide", "large", "frac"):
        while "{" + slot + "}" in text:
            text = text.replace("{" + slot + "}", _number(slot, rng), 1)
    while "{w}" in text:
        text = text.replace("{w}", rng.choice(WORDS_EN if language == "en" else WORDS_ID), 1)
    text = text[0].upper() + text[1:] if text[0].islower() and not text.startswith(("x", "sin")) else text
    text = text.replace("{n}", rng.choice(NAMES))
    return text.replace("{t}", rng.choice(THINGS_EN if language == "en" else THINGS_ID))
