/** Question, right answer, two wrong ones. The whole fits one message. */
export type Question = readonly [text: string, right: string, wrong: string, wrong: string];

const EN: readonly Question[] = [
  ["Which way does moss prove north?", "None, it grows where it is damp", "North side", "South side"],
  ["Which star stands over north?", "Polaris", "Sirius", "Vega"],
  ["How far is thunder when it comes 9 s after the flash?", "3 km", "1 km", "9 km"],
  ["What does LoRa trade for range?", "Speed", "Weight", "Colour"],
  ["What helps most to reach further?", "A higher antenna", "A thicker case", "More channels"],
  ["How many hops does a Meshtastic packet take at most?", "7", "3", "15"],
  ["What is the sign of distress in the mountains?", "6 signals a minute", "3 signals a minute", "1 long signal"],
  ["How many bytes has a Meshtastic text at most?", "Some 200", "140", "1000"],
  ["What warms a shivering person best?", "Dry clothes and shelter", "Alcohol", "Rubbing the arms"],
  ["Which cloud brings thunderstorms?", "Cumulonimbus", "Cirrus", "Stratus"],
  ["The wind turns and the pressure falls. What comes?", "Worse weather", "Better weather", "Nothing"],
  ["How long may one walk per 100 m of climb, roughly?", "20 minutes", "5 minutes", "1 hour"],
  ["What does SNR tell?", "Signal compared to noise", "Speed of the node", "Number of retries"],
  ["What is the wavelength at 868 MHz?", "35 cm", "3.5 m", "3.5 cm"],
  ["Which number do you call for help in all of the EU?", "112", "911", "110"],
  ["How much lower does water boil per 300 m of height?", "1 °C", "5 °C", "Not at all"],
  ["Where is the sun at noon on the northern half?", "South", "North", "East"],
  ["Which bite needs a doctor soonest?", "A snake's", "An ant's", "A fly's"],
  ["What does a tree line mark?", "Where forest ends", "A border", "A road"],
  ["Which planet is called the evening star?", "Venus", "Mars", "Saturn"],
];

const DE: readonly Question[] = [
  ["Welche Seite zeigt Moos an?", "Keine, es wächst, wo es feucht ist", "Norden", "Süden"],
  ["Welcher Stern steht über Norden?", "Polarstern", "Sirius", "Wega"],
  ["Der Donner kommt 9 s nach dem Blitz. Wie weit ist er weg?", "3 km", "1 km", "9 km"],
  ["Was opfert LoRa für mehr Reichweite?", "Tempo", "Gewicht", "Farbe"],
  ["Was hilft am meisten für Reichweite?", "Eine höhere Antenne", "Ein dickeres Gehäuse", "Mehr Kanäle"],
  ["Wie viele Hops macht ein Meshtastic-Paket höchstens?", "7", "3", "15"],
  ["Was ist das alpine Notsignal?", "6 Zeichen in der Minute", "3 Zeichen in der Minute", "1 langes Zeichen"],
  ["Wie viele Bytes hat ein Text bei Meshtastic höchstens?", "Rund 200", "140", "1000"],
  ["Was wärmt einen Frierenden am besten?", "Trockene Kleidung und Schutz", "Alkohol", "Arme reiben"],
  ["Welche Wolke bringt Gewitter?", "Cumulonimbus", "Cirrus", "Stratus"],
  ["Der Wind dreht, der Druck fällt. Was kommt?", "Schlechteres Wetter", "Besseres Wetter", "Nichts"],
  ["Wie lange braucht man etwa für 100 m Aufstieg?", "20 Minuten", "5 Minuten", "1 Stunde"],
  ["Was sagt SNR?", "Verhältnis von Signal zu Rauschen", "Tempo des Knotens", "Zahl der Versuche"],
  ["Wie lang ist die Welle bei 868 MHz?", "35 cm", "3,5 m", "3,5 cm"],
  ["Welche Notrufnummer gilt in der ganzen EU?", "112", "911", "110"],
  ["Um wie viel sinkt der Siedepunkt von Wasser je 300 m Höhe?", "1 °C", "5 °C", "Gar nicht"],
  ["Wo steht mittags auf der Nordhälfte die Sonne?", "Süden", "Norden", "Osten"],
  ["Mit welchem Biss muss man am schnellsten zum Arzt?", "Der einer Schlange", "Der einer Ameise", "Der einer Fliege"],
  ["Was ist die Baumgrenze?", "Das Ende des Waldes", "Eine Landesgrenze", "Eine Straße"],
  ["Welcher Planet heißt Abendstern?", "Venus", "Mars", "Saturn"],
];

const WORDS_EN = [
  "antenna",
  "compass",
  "glacier",
  "valley",
  "repeater",
  "lantern",
  "thunder",
  "bridge",
  "summit",
  "battery",
  "harbour",
  "shelter",
];
const WORDS_DE = [
  "antenne",
  "kompass",
  "gletscher",
  "bergtal",
  "funkgerät",
  "laterne",
  "donner",
  "brücke",
  "gipfel",
  "batterie",
  "hafen",
  "schutzhütte",
];

const isGerman = (language: string) => language === "de" || language.startsWith("de-");

export function questionsOf(language: string): readonly Question[] {
  return isGerman(language) ? DE : EN;
}

/** For hangman. */
export function wordsToGuess(language: string): readonly string[] {
  return isGerman(language) ? WORDS_DE : WORDS_EN;
}
