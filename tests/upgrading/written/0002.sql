BEGIN TRANSACTION;
CREATE TABLE accounts (
	dimension TEXT NOT NULL, 
	day INTEGER NOT NULL, 
	value TEXT NOT NULL, 
	project TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	model TEXT NOT NULL, 
	tier TEXT NOT NULL, 
	usage_count BIGINT NOT NULL, 
	estimated_count BIGINT NOT NULL, 
	unpriced_count BIGINT NOT NULL, 
	anomaly_count BIGINT NOT NULL, 
	cost_count BIGINT NOT NULL, 
	reported_count BIGINT NOT NULL, 
	computed_count BIGINT NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	cache_read BIGINT NOT NULL, 
	cache_write BIGINT NOT NULL, 
	audio_input BIGINT NOT NULL, 
	image_input BIGINT NOT NULL, 
	reasoning BIGINT NOT NULL, 
	audio_output BIGINT NOT NULL, 
	cost BIGINT NOT NULL, 
	reported_cost BIGINT NOT NULL, 
	computed_cost BIGINT NOT NULL, 
	PRIMARY KEY (dimension, day, value, project, provider, model, tier)
)
 WITHOUT ROWID

;
INSERT INTO "accounts" VALUES('all',20717,'','shop','house','own-model','',1,0,0,0,1,0,1,1000,40,200,0,0,0,0,0,900000000,0,900000000);
INSERT INTO "accounts" VALUES('all',20717,'','shop','openai','text-embedding-3-small','',1,1,0,0,1,0,1,12,0,0,0,0,0,0,0,240000,0,240000);
INSERT INTO "accounts" VALUES('session',20717,'','shop','openai','text-embedding-3-small','',1,1,0,0,1,0,1,12,0,0,0,0,0,0,0,240000,0,240000);
INSERT INTO "accounts" VALUES('session',20717,'c-17','shop','house','own-model','',1,0,0,0,1,0,1,1000,40,200,0,0,0,0,0,900000000,0,900000000);
INSERT INTO "accounts" VALUES('tag',20717,'beta','shop','house','own-model','',1,0,0,0,1,0,1,1000,40,200,0,0,0,0,0,900000000,0,900000000);
INSERT INTO "accounts" VALUES('tag',20717,'night','shop','openai','text-embedding-3-small','',1,1,0,0,1,0,1,12,0,0,0,0,0,0,0,240000,0,240000);
INSERT INTO "accounts" VALUES('tag',20717,'shop','shop','house','own-model','',1,0,0,0,1,0,1,1000,40,200,0,0,0,0,0,900000000,0,900000000);
INSERT INTO "accounts" VALUES('user',20717,'','shop','openai','text-embedding-3-small','',1,1,0,0,1,0,1,12,0,0,0,0,0,0,0,240000,0,240000);
INSERT INTO "accounts" VALUES('user',20717,'ada','shop','house','own-model','',1,0,0,0,1,0,1,1000,40,200,0,0,0,0,0,900000000,0,900000000);
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE blob_uses (
	hash BLOB NOT NULL, 
	trace_pk INTEGER NOT NULL, 
	PRIMARY KEY (trace_pk, hash)
)
 WITHOUT ROWID

;
INSERT INTO "blob_uses" VALUES(X'7A9A0D592FF6DFAD6938E04E568021D9',1);
INSERT INTO "blob_uses" VALUES(X'EEE4F73941B090DFC70511BED00DE382',1);
CREATE TABLE blobs (
	hash BLOB NOT NULL, 
	size BIGINT NOT NULL, 
	media_type TEXT, 
	body BLOB NOT NULL, 
	PRIMARY KEY (hash)
);
INSERT INTO "blobs" VALUES(X'7A9A0D592FF6DFAD6938E04E568021D9',26,'image/png',X'89504E470D0A1A0A20616E64207768617420697320696E206974');
INSERT INTO "blobs" VALUES(X'EEE4F73941B090DFC70511BED00DE382',6120,NULL,X'28B52FFD60E816CD0100E402412068616E64626F6F6B20746861742073617973207468652073616D65207468696E67206F76657220616E642E200200B26755C7A450CA');
CREATE TABLE events (
	pk INTEGER NOT NULL, 
	trace_pk INTEGER NOT NULL, 
	span_id TEXT NOT NULL, 
	at_ns BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	data BLOB, 
	PRIMARY KEY (pk)
);
INSERT INTO "events" VALUES(1,1,'0000000000000003',1790000000070000000,'retry',X'7B22617474656D7074223A327D');
CREATE TABLE health (
	run_id TEXT NOT NULL, 
	at_ns BIGINT NOT NULL, 
	dropped BIGINT NOT NULL, 
	errors BIGINT NOT NULL, 
	corrupt BIGINT NOT NULL, 
	note TEXT, 
	PRIMARY KEY (run_id)
);
CREATE TABLE own_prices (
	pk INTEGER NOT NULL, 
	provider TEXT, 
	model TEXT NOT NULL, 
	start_ns BIGINT, 
	rates TEXT NOT NULL, 
	added_ns BIGINT NOT NULL, 
	PRIMARY KEY (pk)
);
INSERT INTO "own_prices" VALUES(1,NULL,'own-model',NULL,'{"input": "1", "cache_read": "0.1", "output": "2"}',1795676215389098837);
CREATE TABLE payloads (
	pk INTEGER NOT NULL, 
	trace_pk INTEGER NOT NULL, 
	body BLOB NOT NULL, 
	PRIMARY KEY (pk)
);
INSERT INTO "payloads" VALUES(1,1,X'28B52FFD601B02C50C00F69A5025108D58078693BE4037D278BB114244797722D80CEF14D1621F9B1978504D4C140000001C0E4400460046000798E03EBB3230DDFDC14F1ADC6947962848BEBB577361B55E51ADB428C970F7C912346E53F2ACBEA0E18A936A9E0B6155AB70F7286153A6223E716F6A8AF01377A57D122C71642578F6028EA00A82CF929051C4D5DAC99462913B4AE8EC1237ADE8DD399293234B294B8C43AD5F1C0CBFD61E3F8AC2680D0479CD698FB2709806B260E6BB3F327ACE5C8BBA289A3B4FAA77F224714B3B77FAC49D72530F9CDD7B561D3A6E5348E946E244E0CE53D50FECCE5396E6683078D1D8C1388DB790D780401687F1DA3ADBDC5D425772F6852FB5D637CA72F1C12C8E305AEC8F6A524C5242FF581CC183B5E2C30934DD6845D142AB23433C575329052C08681F86762EDC1D02DAA6676F94BB33838A13A69C93CF6AA3B83F181F00501924528698CD4DDC4F70844BE1B80957AEADDBEABB019A1D27B034E82D038B6DE409D844D501EB8318B0952D159CAC28AE0BEC343D6006C7EDC5A4F21AC71C574A219715B00788F805C480A90CCA6008');
INSERT INTO "payloads" VALUES(2,2,X'28B52FFD20910D030062061518704B75D4789404AA14ACA79B128A848861E5F2FBD4FFFF66BB8B58137E0C3347E21AE89CB32B9769E9D3158E1583D19AD744C6C4E96A19FD8392DB01ADAE284A7D3120BB01B4E642C60DAD8B91871B5A00700B0300E01031850C19B801');
CREATE TABLE prices (
	pk INTEGER NOT NULL, 
	hash BLOB NOT NULL, 
	provider TEXT, 
	model TEXT NOT NULL, 
	source TEXT NOT NULL, 
	start_ns BIGINT, 
	rates TEXT NOT NULL, 
	PRIMARY KEY (pk), 
	UNIQUE (hash)
);
INSERT INTO "prices" VALUES(1,X'EFEF36D510716EAD6A270119F2B1F38A',NULL,'own-model','own',NULL,'{"input": "1", "cache_read": "0.1", "output": "2"}');
INSERT INTO "prices" VALUES(2,X'68DF330F769DB1A688891602C26B735B','openai','text-embedding-3-small','genai-prices 0.2.3',NULL,'{"input": "0.02"}');
CREATE TABLE rollup_latency (
	hour INTEGER NOT NULL, 
	series_pk INTEGER NOT NULL, 
	bucket INTEGER NOT NULL, 
	count BIGINT NOT NULL, 
	PRIMARY KEY (hour, series_pk, bucket)
)
 WITHOUT ROWID

;
INSERT INTO "rollup_latency" VALUES(497222,1,217,1);
INSERT INTO "rollup_latency" VALUES(497222,2,217,1);
INSERT INTO "rollup_latency" VALUES(497222,3,272,1);
INSERT INTO "rollup_latency" VALUES(497222,4,202,1);
INSERT INTO "rollup_latency" VALUES(497222,5,265,1);
CREATE TABLE rollups (
	hour INTEGER NOT NULL, 
	series_pk INTEGER NOT NULL, 
	count BIGINT NOT NULL, 
	error_count BIGINT NOT NULL, 
	duration_ns BIGINT NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	cost BIGINT NOT NULL, 
	PRIMARY KEY (hour, series_pk)
)
 WITHOUT ROWID

;
INSERT INTO "rollups" VALUES(497222,1,1,0,40000000,0,0,0);
INSERT INTO "rollups" VALUES(497222,2,1,0,40000000,12,0,240000);
INSERT INTO "rollups" VALUES(497222,3,1,0,600000000,0,0,0);
INSERT INTO "rollups" VALUES(497222,4,1,1,20000000,0,0,0);
INSERT INTO "rollups" VALUES(497222,5,1,0,420000000,1000,40,900000000);
CREATE TABLE runs (
	pk INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	name TEXT, 
	host TEXT, 
	pid INTEGER, 
	command TEXT, 
	python TEXT, 
	"commit" TEXT, 
	release TEXT, 
	environment TEXT, 
	start_ns BIGINT NOT NULL, 
	end_ns BIGINT, 
	status TEXT NOT NULL, 
	config TEXT, 
	metrics TEXT, 
	PRIMARY KEY (pk), 
	UNIQUE (run_id)
);
INSERT INTO "runs" VALUES(1,'11111111111111111111111111111111','shop','shop.py','here',7,'shop.py','3.12.4',NULL,'1.4.2',NULL,1789999999999000000,NULL,'incomplete',NULL,NULL);
PRAGMA writable_schema=ON;
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','search','search',0,'CREATE VIRTUAL TABLE search USING fts5 (text, content = '''', detail = none, tokenize = ''unicode61 remove_diacritics 2'')');
CREATE TABLE 'search_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "search_config" VALUES('version',4);
CREATE TABLE 'search_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "search_data" VALUES(1,X'028659');
INSERT INTO "search_data" VALUES(10,X'000000000101010001010101');
INSERT INTO "search_data" VALUES(137438953473,X'000001500230310102013701010133010120376139613064353932666636646661643639333865303465353638303231643901010161010402026E64010304737765720102087373697374616E7401010762696379636C650104010463616C6C010105656D62656405010466696C6501010868616E64626F6F6B01010169010402046D616765010201740101036A6F620501086B65796572726F720101046C617374010203696E650102036F6F6B0101036D617901040204656469610102046F64656C0104030273740101076E696768746C790501046F766572010202776E01040101700102026E6701020179010106726563656E740103047475726E0104010473616D650103027973010203686F70010205797374656D0101047468617401030165010303696E67010208726163656261636B01010275700102037365720104010679656C6C6F77010402026F750104040404230505070B0B0708070B050704060B070606070708050A07060405040908070506080704060B05070A');
CREATE TABLE 'search_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "search_docsize" VALUES(1,X'864D');
INSERT INTO "search_docsize" VALUES(5,X'0C');
CREATE TABLE 'search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "search_idx" VALUES(1,X'',2);
CREATE TABLE segments (
	name TEXT NOT NULL, 
	"offset" BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE series (
	pk INTEGER NOT NULL, 
	project TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	model TEXT NOT NULL, 
	PRIMARY KEY (pk)
);
INSERT INTO "series" VALUES(1,'shop','retriever','handbook','');
INSERT INTO "series" VALUES(2,'shop','embedding','embed','text-embedding-3-small');
INSERT INTO "series" VALUES(3,'shop','chain','answer','');
INSERT INTO "series" VALUES(4,'shop','tool','look up','');
INSERT INTO "series" VALUES(5,'shop','llm','own-model','own-model');
CREATE TABLE spans (
	pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	trace_pk INTEGER NOT NULL, 
	run_pk INTEGER, 
	span_id TEXT NOT NULL, 
	parent_id TEXT, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	status TEXT NOT NULL, 
	start_ns BIGINT NOT NULL, 
	end_ns BIGINT, 
	first_token_ns BIGINT, 
	model TEXT, 
	provider TEXT, 
	input_tokens BIGINT, 
	output_tokens BIGINT, 
	cache_read BIGINT, 
	cache_write BIGINT, 
	audio_input BIGINT, 
	image_input BIGINT, 
	reasoning BIGINT, 
	audio_output BIGINT, 
	estimated BOOLEAN, 
	counted BOOLEAN, 
	cost BIGINT, 
	error_type TEXT, 
	start_block INTEGER, 
	end_block INTEGER, 
	reported_cost BIGINT, 
	computed_cost BIGINT, 
	price_pk INTEGER, 
	tier TEXT, 
	unpriced TEXT, 
	anomaly TEXT
);
INSERT INTO "spans" VALUES(1,1,1,'0000000000000001',NULL,'chain','answer','ok',1790000000000000000,1790000000600000000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "spans" VALUES(2,1,1,'0000000000000002','0000000000000001','retriever','handbook','ok',1790000000010000000,1790000000050000000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "spans" VALUES(3,1,1,'0000000000000003','0000000000000001','llm','own-model','ok',1790000000060000000,1790000000480000000,1790000000200000000,'own-model','house',1000,40,200,0,0,0,0,0,0,1,900000000,NULL,1,1,NULL,900000000,1,NULL,NULL,NULL);
INSERT INTO "spans" VALUES(4,1,1,'0000000000000004','0000000000000001','tool','look up','error',1790000000500000000,1790000000520000000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'KeyError',1,1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "spans" VALUES(5,2,1,'0000000000000005',NULL,'agent','nightly job','incomplete',1790000002000000000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "spans" VALUES(6,2,1,'0000000000000006','0000000000000005','embedding','embed','cancelled',1790000002010000000,1790000002050000000,NULL,'text-embedding-3-small','openai',12,0,0,0,0,0,0,0,1,1,240000,NULL,2,2,NULL,240000,2,NULL,NULL,NULL);
INSERT INTO "spans" VALUES(7,2,1,'0000000000000007','0000000000000005','llm','own-model','incomplete',1790000002100000000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE trace_tags (
	tag TEXT NOT NULL, 
	start_ns BIGINT NOT NULL, 
	trace_pk INTEGER NOT NULL, 
	PRIMARY KEY (tag, start_ns, trace_pk)
)
 WITHOUT ROWID

;
INSERT INTO "trace_tags" VALUES('beta',1790000000000000000,1);
INSERT INTO "trace_tags" VALUES('shop',1790000000000000000,1);
INSERT INTO "trace_tags" VALUES('night',1790000002000000000,2);
CREATE TABLE traces (
	pk INTEGER NOT NULL, 
	trace_id TEXT NOT NULL, 
	run_pk INTEGER, 
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	status TEXT NOT NULL, 
	root_id TEXT, 
	start_ns BIGINT NOT NULL, 
	end_ns BIGINT, 
	duration_ns BIGINT, 
	span_count INTEGER NOT NULL, 
	error_count INTEGER NOT NULL, 
	usage_count INTEGER NOT NULL, 
	estimated_count INTEGER NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	total_tokens BIGINT, 
	cache_read BIGINT NOT NULL, 
	cache_write BIGINT NOT NULL, 
	audio_input BIGINT NOT NULL, 
	image_input BIGINT NOT NULL, 
	reasoning BIGINT NOT NULL, 
	audio_output BIGINT NOT NULL, 
	cost BIGINT, 
	unpriced_count INTEGER NOT NULL, 
	model TEXT, 
	session TEXT, 
	user TEXT, 
	release TEXT, 
	version TEXT, 
	environment TEXT, 
	tags TEXT, 
	metadata TEXT, 
	input TEXT, 
	output TEXT, 
	error TEXT, 
	anomaly_count INTEGER DEFAULT 0 NOT NULL, 
	PRIMARY KEY (pk), 
	UNIQUE (trace_id)
);
INSERT INTO "traces" VALUES(1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1,'shop','answer','chain','ok','0000000000000001',1790000000000000000,1790000000600000000,600000000,4,1,1,0,1000,40,1040,200,0,0,0,0,0,900000000,0,'own-model','c-17','ada','1.4.2',NULL,NULL,'["beta","shop"]','{"shelf":3}','May I return it?','You may.','KeyError: 17',0);
INSERT INTO "traces" VALUES(2,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',1,'shop','nightly job','agent','incomplete','0000000000000005',1790000002000000000,NULL,NULL,3,0,1,1,12,0,12,0,0,0,0,0,0,240000,0,NULL,NULL,NULL,'1.4.2',NULL,NULL,'["night"]',NULL,NULL,NULL,NULL,0);
CREATE INDEX traces_user ON traces (user, start_ns, pk, duration_ns, total_tokens, cost) WHERE "user" IS NOT NULL;
CREATE INDEX traces_duration ON traces (duration_ns, start_ns, pk, total_tokens, cost);
CREATE INDEX traces_errors ON traces (error_count, start_ns, pk);
CREATE INDEX traces_session ON traces (session, start_ns, pk, duration_ns, total_tokens, cost) WHERE session IS NOT NULL;
CREATE INDEX traces_model ON traces (model, start_ns, pk, duration_ns, total_tokens, cost) WHERE model IS NOT NULL;
CREATE INDEX traces_spans ON traces (span_count, start_ns, pk);
CREATE INDEX traces_tokens ON traces (total_tokens, start_ns, pk, duration_ns, cost);
CREATE INDEX traces_name ON traces (name, start_ns, pk, duration_ns, total_tokens, cost);
CREATE INDEX traces_status ON traces (status, start_ns, pk, duration_ns, total_tokens, cost);
CREATE INDEX traces_start ON traces (start_ns, pk, duration_ns, total_tokens, cost, project, environment, release, version);
CREATE INDEX traces_kind ON traces (kind, start_ns, pk, duration_ns, total_tokens, cost);
CREATE INDEX traces_failed ON traces (start_ns, pk, duration_ns, total_tokens, cost, error_count) WHERE error_count > 0;
CREATE INDEX traces_cost ON traces (cost, start_ns, pk, duration_ns, total_tokens);
CREATE INDEX trace_tags_trace ON trace_tags (trace_pk);
CREATE INDEX spans_status ON spans (status, start_ns) WHERE status <> 'ok';
CREATE INDEX spans_tokens ON spans (input_tokens + output_tokens, start_ns, kind) WHERE input_tokens IS NOT NULL;
CREATE INDEX spans_anomaly ON spans (start_ns) WHERE anomaly IS NOT NULL;
CREATE INDEX spans_input_tokens ON spans (input_tokens, start_ns, kind) WHERE input_tokens IS NOT NULL;
CREATE INDEX spans_start ON spans (start_ns);
CREATE INDEX spans_cached ON spans (start_ns, cache_read) WHERE cache_read > 0;
CREATE INDEX spans_usage ON spans (start_ns, end_ns, kind, name, status, model, provider, tier, input_tokens, output_tokens, cache_read, cost, estimated, counted, unpriced, anomaly) WHERE input_tokens IS NOT NULL;
CREATE INDEX spans_model ON spans (model, start_ns) WHERE model IS NOT NULL;
CREATE INDEX spans_tier ON spans (tier, start_ns) WHERE tier IS NOT NULL;
CREATE INDEX spans_estimated ON spans (start_ns, estimated) WHERE estimated;
CREATE INDEX spans_output_tokens ON spans (output_tokens, start_ns, kind) WHERE input_tokens IS NOT NULL;
CREATE INDEX spans_duration ON spans (kind, end_ns - start_ns, start_ns) WHERE end_ns IS NOT NULL;
CREATE INDEX spans_unpriced ON spans (start_ns) WHERE unpriced IS NOT NULL;
CREATE INDEX spans_kind ON spans (kind, start_ns);
CREATE INDEX spans_provider ON spans (provider, start_ns) WHERE provider IS NOT NULL;
CREATE INDEX spans_counted ON spans (start_ns, counted) WHERE counted;
CREATE INDEX spans_running ON spans (run_pk) WHERE status = 'running';
CREATE UNIQUE INDEX spans_trace ON spans (trace_pk, span_id);
CREATE INDEX spans_cost ON spans (cost, start_ns, kind) WHERE cost IS NOT NULL;
CREATE INDEX spans_name ON spans (name, start_ns);
CREATE INDEX spans_not_counted ON spans (start_ns, counted) WHERE NOT counted;
CREATE INDEX own_prices_model ON own_prices (model);
CREATE INDEX payloads_trace ON payloads (trace_pk);
CREATE INDEX events_span ON events (trace_pk, span_id, at_ns);
CREATE INDEX blob_uses_hash ON blob_uses (hash);
CREATE UNIQUE INDEX series_key ON series (project, kind, name, model);
PRAGMA writable_schema=OFF;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('spans',7);
COMMIT;
