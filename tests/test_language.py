"""What is surely not English is told; English of any kind, and what is in doubt, never is."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import pytest

from sitrep_ie import Document, Report
from sitrep_ie.cli import main
from sitrep_ie.formats import read_examples
from sitrep_ie.language import foreign_language

ROOT = Path(__file__).resolve().parent.parent

FOREIGN = {
    "French": """Dans la nuit de mardi à mercredi, des hommes armés ont attaqué un poste de
        l'armée près de la ville de Kerma. Selon un responsable local, trois soldats ont été tués
        et une dizaine d'autres blessés. Les assaillants sont repartis vers le nord avec deux
        véhicules.""",
    "Spanish": """La policía detuvo el lunes a cuatro hombres que transportaban explosivos en un
        camión cerca de la frontera. Según las autoridades, los detenidos fueron trasladados a la
        capital, donde serán interrogados. No hubo heridos, pero dos viviendas sufrieron daños por
        la explosión controlada.""",
    "Portuguese": """Um ataque com drones atingiu na madrugada de ontem um depósito de combustível
        nos arredores da cidade. Segundo os bombeiros, não há mortos, mas sete pessoas foram
        levadas para o hospital. As autoridades também pediram aos moradores que não saiam de casa
        até ao fim da tarde.""",
    "Italian": """Nella notte un gruppo di uomini armati ha assaltato la caserma della polizia.
        Secondo il sindaco sono stati feriti due agenti e anche una donna che passava per strada.
        Gli aggressori sono fuggiti dopo uno scontro durato più di un'ora e non sono ancora stati
        trovati.""",
    "German": """In der Nacht zum Montag wurden bei einem Angriff auf eine Streife drei Soldaten
        verletzt. Nach Angaben der Behörden war der Sprengsatz am Rand einer Straße versteckt. Die
        Täter sind noch nicht gefasst, und auch ihr Motiv ist nicht bekannt.""",
    "Dutch": """Bij een aanval op een konvooi zijn volgens het leger vier militairen gewond
        geraakt. Het voertuig reed op een mijn die langs de weg was geplaatst. De gewonden werden
        naar een ziekenhuis gebracht, maar over hun toestand is nog niet veel bekend.""",
    "Swedish": """Två poliser skadades när en bil exploderade utanför stationen på måndagen.
        Enligt åklagaren är det inte klart vem som ligger bakom attacken, men flera personer har
        gripits och ska förhöras. Området var också avspärrat under natten.""",
    "Danish or Norwegian": """Tre mennesker ble skadet da en bombe gikk av ved markedet i går.
        Ifølge politiet er ikke motivet kjent, men to menn har blitt pågrepet og skal avhøres.
        Området rundt torget var også sperret av til langt på natt.""",
    "Polish": """W nocy z niedzieli na poniedziałek doszło do ataku na posterunek przy granicy.
        Według rzecznika nie ma ofiar, ale dwie osoby zostały ranne i są w szpitalu. Sprawcy nie
        zostali jeszcze zatrzymani, a policja prosi o pomoc wszystkich, którzy widzieli to
        zdarzenie.""",
    "Turkish": """Dün gece sınıra yakın bir karakola düzenlenen saldırıda üç asker yaralandı.
        Valilik tarafından yapılan açıklamaya göre yaralılar için bölgeye helikopter gönderildi.
        Saldırıdan sonra çok sayıda kişi gözaltına alındı ancak olayla ilgili henüz bir bilgi
        verilmedi ve yol kapatıldı.""",
    "Romanian": """Trei persoane au fost rănite după ce o mașină a lovit un convoi în apropiere de
        graniță. Potrivit autorităților, nu există victime, dar drumul a fost închis pentru mai
        multe ore și traficul este deviat prin satele din jur.""",
    "Indonesian or Malay": """Tiga orang terluka dalam serangan yang terjadi pada malam hari di
        sebuah pos polisi. Menurut juru bicara, para pelaku telah melarikan diri dan tidak ada
        korban jiwa. Polisi juga mengatakan bahwa dua orang akan diperiksa karena mereka berada di
        lokasi itu.""",
    "Swahili": """Watu watatu walijeruhiwa katika shambulio la usiku kwenye kituo cha polisi. Kwa
        mujibu wa mkuu wa wilaya, washambuliaji walitoroka na silaha mbili lakini hakuna
        aliyeuawa. Polisi pia walisema kuwa hali ya majeruhi ni nzuri na kwamba msako wa
        kuwatafuta watu hao unaendelea kabla ya usiku.""",
    "Somali": """Saddex qof ayaa lagu dhaawacay weerar xalay ka dhacay saldhig ay ku sugnaayeen
        ciidamadu. Sida uu sheegay afhayeenku, kooxda weerarka soo qaaday waa ay baxsadeen iyo
        laba gaari ayaa la gubay. Waxaa socda baaritaan la xiriira qaraxa, laakiin cid loo qabtay
        ma jirto.""",
    "Hungarian": """Az éjszaka három katona megsérült egy támadásban a határ közelében. A szóvivő
        szerint a támadók elmenekültek, és még nem tudni, hogy kik voltak. A rendőrség azt kérte,
        hogy aki látott valamit, jelentkezzen, mert az utat csak reggel nyitják meg.""",
    "Vietnamese": """Ba người đã bị thương trong một vụ tấn công vào đồn cảnh sát ở biên giới.
        Theo người phát ngôn, những kẻ tấn công đã bỏ chạy và không có ai thiệt mạng. Các con
        đường vào thị trấn được phong tỏa cho đến sáng, còn hai xe cứu thương đã đến với lực lượng
        bổ sung.""",
    "Filipino": """Tatlong sundalo ang nasugatan sa pag-atake ng mga armadong lalaki sa isang
        himpilan kagabi. Ayon sa tagapagsalita, tumakas ang mga salarin at hindi pa sila nahuhuli.
        Isinara naman ang kalsada para sa mga imbestigador, at dinala ang mga sugatan sa ospital
        nang magdamag.""",
    "Arabic script": """أصيب ثلاثة جنود في هجوم استهدف نقطة تفتيش قرب الحدود ليلة الأحد، وقال
        متحدث باسم الجيش إن المهاجمين فروا باتجاه الشمال.""",
    "Arabic script ": """شب گذشته در پی حمله افراد مسلح به یک پوسته امنیتی در نزدیکی مرز سه سرباز
        زخمی شدند و به گفته سخنگوی والی دو تن از مهاجمان بازداشت شده‌اند.""",
    "Cyrillic script": """Уночі на околицях міста внаслідок удару безпілотника загорівся склад. За
        даними рятувальників, двоє людей поранені, пожежу вже ліквідовано.""",
    "Cyrillic script ": """Ночью в пригороде после взрыва загорелся склад, сообщили в
        администрации. Пострадали двое рабочих, движение по дороге перекрыто.""",
    "Devanagari script": """सीमा के पास एक चौकी पर रविवार की रात हुए हमले में तीन सैनिक घायल हो
        गए। प्रवक्ता ने बताया कि हमलावर भाग निकले।""",
    "CJK script": """昨夜边境附近的一个检查站遭到武装人员袭击，三名士兵受伤。发言人表示袭击者向北逃走
        ，目前已有两人被拘留，道路封闭至清晨，救护车已将伤员送往医院。""",
}
# Each is something like English that a careless test takes for something else.
ENGLISH = {
    "log": """071120Z – AMBER 30, 2 x MASTIFF, turning on RTE CORNWALL when VEH 2 struck PPIED. 2
        x CAT B, MEDEVAC req 1123Z, HLS sec. EOD tasked. 071340Z – C/S back PB SALANG. NFTR.
        071500Z – IDF 3 x rds IVO DENVER, no cas. QRF stood down 1615Z. 071702Z – LN rep 4 x FAM
        vic M3, moved NE. ISR overhead, PID lost.""",
    "names": """Present: Juan Carlos de la Cruz Ortiz, María del Carmen Peña, Ana Lucía Gómez y
        Ruiz, José Luis Fernández, Pedro Álvarez de Toledo, Luis Alberto Núñez, Carmen Rosa
        Salazar, Diego del Río, Elena Vargas Llanos, Rosa María Ibáñez, Jorge Enrique Salas, Mateo
        Restrepo, Nicolás Duarte, Sofía León.""",
    "arabic names": """Abu Bakr al-Hamdani, Umar bin Khalid, Muhammad Ali al-Zubaydi, Yusuf ibn
        Salih, Hasan al-Tamimi, Karim Abd al-Rahman, Nasir al-Din, Salah al-Shammari, Khalil
        al-Jubouri, Faris al-Ani.""",
    "places": """Bab al-Hawa, Tal Abyad, Ain al-Arab, Deir ez-Zor, Ras al-Ayn, Khan Shaykhun, Jisr
        ash-Shughur, Saraqib, Maarrat al-Numan, Al-Bab, Manbij, Azaz, Jarabulus, Kafr Nabl, Ariha,
        Harim, Sarmin, Binnish, Taftanaz""",
    "telegraphic": """Gunmen attack checkpoint, two killed. Road closed. Army sends
        reinforcements. Convoy hit mine near bridge, driver injured. Market reopened. Curfew
        extended. Rebels shell hospital, no casualties. Police detain five suspects. Drone downed.
        Power cut. Water trucks arrive. School closed.""",
    "capitals": """GUNMEN ATTACKED A POLICE POST NEAR THE BORDER ON SUNDAY NIGHT. TWO OFFICERS
        WERE WOUNDED AND ONE VEHICLE WAS BURNED. THE ATTACKERS FLED TO THE NORTH BEFORE TROOPS
        ARRIVED AT THE SCENE.""",
    "quotation": """The statement, titled "Por la paz y contra la guerra: los pueblos unidos no
        serán vencidos", was read out in the square by three leaders of the movement, who said
        that the strike would go on until the government releases the men detained last week near
        the airport.""",
    "mixed": """Selon les autorités, deux soldats ont été tués dans une attaque près de la
        frontière. According to the authorities, two soldiers were killed in an attack near the
        border, and the attackers have fled with one of the vehicles that had been parked in front
        of the post.""",
    "short": "Attaque contre un poste de police",
    "short other": "هجوم",
    "numbers": "12 34 56 78 90 " * 20,
    "nothing": "",
    "quoted script": """The leaflet read "الى اهالي المدينة الكرام" and was dropped over the
        eastern districts on Monday, residents said, a day before the shelling resumed and the
        last buses with families left the town.""",
}


@pytest.mark.parametrize("language", FOREIGN)
def test_other_languages_are_told(language: str) -> None:
    assert foreign_language(FOREIGN[language]) == language.strip()
    # In the midst of a long document as well.
    assert foreign_language("\n\n".join([FOREIGN[language]] * 30)) == language.strip()
    assert foreign_language(FOREIGN[language].upper()) in (language.strip(), None)


@pytest.mark.parametrize("kind", ENGLISH)
def test_english_of_every_kind_is_left_alone(kind: str) -> None:
    assert foreign_language(ENGLISH[kind]) is None


def test_no_annotated_report_is_taken_for_another_language(ontology) -> None:
    paths = sorted((ROOT / "training" / "data" / "authored").glob("*.ann"))
    texts = [example.document.text for path in paths for example in read_examples(path, ontology)]
    assert len(texts) > 400
    assert [text[:60] for text in texts if foreign_language(text)] == []
    # Alone, each paragraph is less sure.
    paragraphs = [line for text in texts for line in text.splitlines() if line.strip()]
    assert [line[:60] for line in paragraphs if foreign_language(line)] == []


def test_of_other_languages_than_english() -> None:
    english = ENGLISH["mixed"].split(". ", 1)[1]
    assert foreign_language(english, "fr") == "English"
    assert foreign_language(FOREIGN["French"], "fr") is None
    assert foreign_language(FOREIGN["German"], "fr") == "German"
    # Of languages in other scripts, and unknown ones, nothing is said.
    assert foreign_language(english, "ar") is None
    assert foreign_language(english, "xx") is None


def test_it_costs_less_than_a_millisecond_a_document() -> None:
    texts = [" ".join([FOREIGN["French"], ENGLISH["mixed"]] * 20), ENGLISH["names"] * 50, "سلام " * 20000]
    foreign_language("warm")
    start = time.process_time()
    for text in texts * 20:
        foreign_language(text)
    # 0.3 ms each on one core; the limit leaves room for a slow one.
    assert (time.process_time() - start) / 60 < 0.003


# ---- in reports ----


def test_reports_carry_the_warning(tiny_extractor) -> None:
    documents = [Document("fr", FOREIGN["French"]), Document("en", ENGLISH["capitals"])]
    french, english = tiny_extractor.extract_many(documents)
    (warning,) = french.warnings
    assert warning.code == "language"
    assert "French" in warning.message
    assert "English" in warning.message
    assert english.warnings == ()


def test_the_warning_is_shown(tiny_model_path, tmp_path, capsys) -> None:
    text = tmp_path / "fr.txt"
    text.write_text(FOREIGN["French"], encoding="utf-8")
    extract = ["extract", str(text), "--model", str(tiny_model_path), "--device", "cpu"]
    assert main([*extract, "--format", "json"]) == 0
    printed = capsys.readouterr()
    report = Report.from_dict(json.loads(printed.out))
    (warning,) = report.warnings
    assert printed.err == f"sitrep-ie: {text}: warning: {warning.message}\n"
    assert f'<p class="warning" role="note">{warning.message}</p>' in report.to_html()
    assert 'class="warning"' not in dataclasses.replace(report, warnings=()).to_html()
    text.write_text(ENGLISH["capitals"], encoding="utf-8")
    assert main(extract) == 0
    assert capsys.readouterr().err == ""


def test_a_model_of_another_language_expects_that(tiny_extractor) -> None:
    config = dataclasses.replace(tiny_extractor.config, language="fr")
    extractor = type(tiny_extractor)(
        tiny_extractor.model,
        tiny_extractor.text_encoder,
        tiny_extractor.ontology,
        config,
        resolvers=tiny_extractor._resolvers,
    )
    assert extractor.extract(FOREIGN["French"]).warnings == ()
    (warning,) = extractor.extract(ENGLISH["capitals"] + ENGLISH["mixed"].split(". ", 1)[1]).warnings
    assert "looks like English, but the model reads French" in warning.message
